from txn_platform.config import Section


def leaf_keys(section: type[Section], prefix: str = "") -> set[str]:
    """Every key of a section, as `section.key`."""
    keys: set[str] = set()
    for name, field in section.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, Section):
            keys |= leaf_keys(inner, f"{prefix}{name}.")
        else:
            keys.add(prefix + name)
    return keys
