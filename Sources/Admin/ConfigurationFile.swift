// Owns what is known about the file that the settings in force came from.

/// A settings file as it was read: the path, the text before `${…}` was replaced, and the text's digest.
public struct ConfigurationFile: Hashable, Sendable {
    public let path: String
    /// As it is in the file, so without the values of environment variables, which may be secret.
    public let text: String
    /// The SHA-256 of the text in hexadecimal, as `sha256sum` prints it for the file.
    public let digest: String

    public init(path: String, text: String) {
        self.path = path
        self.text = text
        digest = SHA256.hexadecimal(of: Array(text.utf8))
    }
}
