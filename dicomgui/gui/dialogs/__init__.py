"""Windows that ask for something; each opens and is not waited for."""
