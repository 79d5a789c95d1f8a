"""XML files, whatever they hold: nothing in them is followed or expanded."""

from pathlib import Path
from xml.etree.ElementTree import Element, ParseError, fromstring

from poseembed.files.tables import naming
from poseembed.files.values import check_regular


def load_xml(path: Path) -> Element:
    """The root of an XML file in UTF-8.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no XML, or declares a document type, by which a small file can grow without end.
    """
    check_regular(path)
    with naming(path):
        text = path.read_bytes().decode("utf-8-sig")
        if "<!DOCTYPE" in text:
            raise ValueError("it declares a document type, as no labelling tool does; export it again")
        try:
            return fromstring(text)
        except ParseError as error:
            raise ValueError(f"it is no XML, or damaged: {error}") from error
