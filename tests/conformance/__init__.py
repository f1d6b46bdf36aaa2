"""The simulator before judges and clients that are not ours."""
