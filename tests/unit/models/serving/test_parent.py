"""What a dead server leaves behind is found on its model's command line."""

from models.serving.parent import regions


def test_only_shared_memory_regions_of_the_backend_are_named():
    """Nothing else in /dev/shm may be removed."""
    line = b"stub\0model.py\0triton_python_backend_shm_region_1b-31\x001048576\0"
    assert regions(line) == ["triton_python_backend_shm_region_1b-31"]
    assert regions(b"stub\0triton_python_backend_shm_region_../../etc\0") == []
