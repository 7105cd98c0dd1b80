"""Published Chinese government budgets as data people can trust."""
