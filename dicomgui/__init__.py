"""dicomgui: see, test and explain what two DICOM systems say to each other."""

__version__ = "0.1.0"
