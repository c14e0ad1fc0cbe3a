"""What calls cost and which budgets they count against: values in, values out, no I/O, no clock, no floats of money."""
