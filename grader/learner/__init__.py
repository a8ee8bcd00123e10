"""The learner's side: the kit that is handed out, the self-check in notebooks and on save, receipts."""
