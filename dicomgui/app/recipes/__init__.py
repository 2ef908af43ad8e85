"""An operation as a command of this program, of DCMTK or dcm4che, or as a script."""
