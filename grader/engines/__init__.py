"""Ways to run many gradings. Each engine is one function with map's signature."""
