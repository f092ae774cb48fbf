"""The subject alternative names of a client certificate."""


def allowed(der: bytes, names: frozenset[str]) -> bool:
    """Whether the certificate in `der` has one of `names` among its subject alternative names, exactly as written.

    DNS names, e-mail addresses, IP addresses and URIs count, as in exporter-toolkit.
    """
    from cryptography import x509  # 8 MiB, for those who ask for client certificates

    try:
        extension = x509.load_der_x509_certificate(der).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return False
    kinds = (x509.DNSName, x509.RFC822Name, x509.UniformResourceIdentifier, x509.IPAddress)
    return any(isinstance(name, kinds) and str(name.value) in names for name in extension.value)
