// Owns the hold that a connection of HTTP/1 has on its stream.
internal import Proactor
internal import Transport

/// A stream that is not copied but used where it is held, by `switch`, so that a use counts no reference. A call to a
/// stream never comes back to its handler, so nothing lets go of it meanwhile.
struct Wire: ~Copyable {
    let stream: ByteStream
}
