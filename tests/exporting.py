"""For tests that export an encoder: they are left out where the library says that it cannot."""

import pytest

from poseembed.onnx.export import check_able


def skip_unless_able() -> None:
    """Leave out the test that asks, or the module that does so before its tests; the reason is the library's own."""
    try:
        check_able()
    except ImportError as error:
        pytest.skip(str(error), allow_module_level=True)
