"""For scripts that use a module of the library but not what the package itself imports: torch takes seconds."""

from pathlib import Path

BARE = f"""
import sys, types
package = types.ModuleType("poseembed")
package.__path__ = [{str(Path(__file__).parents[1] / "poseembed")!r}]
sys.modules["poseembed"] = package
"""
"""What such a script begins with."""
