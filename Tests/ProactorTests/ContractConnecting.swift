// Owns the contract's tests of connecting: success, refusal, no answer, Unix sockets, ports in use.
import Glibc
import Testing
import Topology

@testable import Proactor

extension EventLoopContract {
    @Test(arguments: backends)
    func whatThePeerSaysFirstIsReceived(_ io: IOKind) throws {
        let bench = try Workbench(io)
        bench.onAccepted = { end in end.stream.send(bench.buffer([1, 2, 3])) }
        // The connection is made and the greeting is there before the client's loop looks: one event tells both.
        for ends in [false, true] {
            let listener = try RawListener()
            let client = try bench.connect(to: listener.address)
            client.record.onConnected = { $0.receiveContinuously() }
            // A ring's operations begin with the turn, epoll's connect at once.
            if io == .uring { bench.loop.turn(limit: .zero) }
            let peer = try #require(listener.accept())
            peer.write([1, 2, 3])
            if ends { peer.shutdownWrite() }
            #expect(bench.turn { client.record.bytes == [1, 2, 3] && client.record.ends == (ends ? 1 : 0) })
            #expect(client.record.connections == 1)
        }
        let client = try bench.connect()
        client.record.onConnected = { $0.receiveContinuously() }
        #expect(bench.turn { client.record.bytes == [1, 2, 3] })
        bench.finish()
    }

    @Test(arguments: backends)
    func aRefusedConnectFailsOnceAndLater(_ io: IOKind) throws {
        let bench = try Workbench(io)
        let client = try bench.connect(to: RawListener.refusing())
        #expect(client.record.calls == 0, "nothing completes inside the submitting call")
        #expect(bench.turn { client.record.calls == 1 })
        #expect(client.record.failures == [.refused])
        // Its owner may be slow to close it.
        bench.turn(for: .milliseconds(20))
        #expect(client.record.calls == 1)
        bench.finish()
    }

    @Test(arguments: backends)
    func aConnectThatNobodyAnswersIsClosedByATimer(_ io: IOKind) throws {
        let bench = try Workbench(io)
        let silent = try SilentListener()
        let client = try bench.connect(to: silent.address)
        let alarm = Alarm(bench.loop, after: .milliseconds(30))
        #expect(bench.turn { alarm.rang })
        #expect(client.record.calls == 0)
        client.stream.close()
        #expect(bench.turn { client.stream.phase == .closed })
        #expect(client.record.calls == 0)
        alarm.stop()
        bench.finish()
    }

    @Test(arguments: backends)
    func unixSocketsWorkAlike(_ io: IOKind) throws {
        let path = "/tmp/proactor-\(getpid())-\(io.rawValue).socket"
        let name = try #require(SocketAddress(numeric: .unix(path: path)))
        let bench = try Workbench(io, listensOn: .unix(path: path))
        #expect(bench.address.description == "unix:" + path)
        let (client, server) = try bench.pair()
        server.stream.receiveContinuously()
        client.stream.receiveContinuously()
        client.stream.send(bench.buffer(pattern(60_000)))
        server.stream.send(bench.buffer(pattern(50_000)))
        #expect(bench.turn { client.record.bytes.count == 50_000 && server.record.bytes.count == 60_000 })
        #expect(same(client.record.bytes, pattern(50_000)) && same(server.record.bytes, pattern(60_000)))
        client.stream.shutdownWrite()
        #expect(bench.turn { server.record.ends == 1 })
        #expect(throws: SystemError.self) {
            _ = try ListeningSocket.bind(name)
        }
        bench.finish()
        // The file is still there, but its owner is gone: it is taken over, also by several sockets.
        let again = try ListeningSocket.bind(name, count: 2)
        #expect(again.count == 2)
        for socket in again { socket.close() }
        unlink(path)
        let gone = try Workbench(io)
        let client2 = try gone.connect(to: name)
        #expect(gone.turn { client2.record.failures == [.refused] })
        gone.finish()
    }

    @Test(arguments: backends)
    func aPortThatIsListenedOnIsInUse(_ io: IOKind) throws {
        let bench = try Workbench(io)
        for count in [1, 2] {
            let error = #expect(throws: SystemError.self) {
                _ = try ListeningSocket.bind(bench.address, count: count)
            }
            #expect(error?.code == EADDRINUSE)
            #expect(error?.description == "bind \(bench.address): Address already in use")
        }
        bench.finish()
        // Connections that linger in TIME_WAIT do not keep a new process from the port.
        try Self.bindAgain(bench.address, count: 3)
    }

    /// Takes an address that was just given up. A process that another test is starting may hold a copy of its last socket for
    /// a moment.
    static func bindAgain(_ address: SocketAddress, count: Int = 1) throws {
        for socket in try ListeningSocket.bind(address, count: count, timeout: .seconds(10)) { socket.close() }
    }

    /// What a killed process had may be its successor's a moment later.
    @Test func aPortInUseIsWaitedForWhereThatIsWished() throws {
        let address = try #require(SocketAddress(numeric: .host("127.0.0.1", port: 0)))
        let holder = try ListeningSocket.bind(address)[0]
        #expect(throws: SystemError.self) {
            _ = try ListeningSocket.bind(holder.address, timeout: .milliseconds(50))
        }
        var thread = pthread_t()
        let held = UnsafeMutableRawPointer(bitPattern: Int(holder.descriptor))
        pthread_create(
            &thread, nil,
            { held in
                usleep(50_000)
                close(Int32(Int(bitPattern: held)))
                return nil
            }, held)
        let next = try ListeningSocket.bind(holder.address, timeout: .seconds(30))
        #expect(next[0].address == holder.address)
        for socket in next { socket.close() }
        pthread_join(thread, nil)
    }

    @Test(arguments: backends)
    func bothEndsKnowTheirAddresses(_ io: IOKind) throws {
        let bench = try Workbench(io, listensOn: .host("::1", port: 0))
        let (client, server) = try bench.pair()
        #expect(client.stream.peerAddress == bench.address)
        #expect(client.stream.localAddress == server.stream.peerAddress)
        #expect(bench.acceptor.address == bench.address)
        bench.finish()
    }
}
