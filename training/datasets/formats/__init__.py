"""File formats, read without knowing what data set they belong to."""
