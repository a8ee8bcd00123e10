"""The half of running a notebook that is inside its sandbox: guard, client, kernel, and what stands in there."""
