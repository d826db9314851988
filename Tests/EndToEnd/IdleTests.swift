// Owns the proof that nine thousand idle connections cost little, and hold nobody up.
import Foundation
import Testing

extension EndToEnd {
    @Suite struct Idle {
        // Half of the descriptors that a process usually has are reserved for backends.
        private static let connections = 9_000

        /// The client ends live in a process of their own: each process may open 20,000 descriptors. Perl is in every
        /// Debian. Each connection is opened, sends one request, reads the answer, and stays.
        private static let client = #"""
            use strict; use warnings; use Socket; use IO::Handle; $| = 1;
            my ($port, $count) = @ARGV; my @kept;
            my $address = pack_sockaddr_in($port, inet_aton("127.0.0.1"));
            for my $number (1 .. $count) {
                socket(my $socket, PF_INET, SOCK_STREAM, 0) or die "socket $number: $!";
                connect($socket, $address) or die "connect $number: $!";
                defined syswrite($socket, "GET / HTTP/1.1\r\nHost: shop\r\n\r\n") or die "write $number: $!";
                my $answer = "";
                while ($answer !~ /\r\n\r\na$/) {
                    sysread($socket, $answer, 4096, length $answer) or die "read $number: $! after '$answer'";
                }
                push @kept, $socket;
            }
            print "ready\n";
            sleep 60;
            """#

        @Test(arguments: InputOutput.available)
        func nineThousandIdleConnections(_ inputOutput: InputOutput) throws {
            let nginx = try Nginx.withSites(["a"])
            let proxy = try Proxy(inputOutput, shop("", ["west": endpoints(nginx.ports)]))
            #expect(try get(proxy.port).text == "a")
            let before = try proxy.process.memory()
            let scratch = try Scratch()
            let script = try scratch.write("clients.pl", Self.client)
            let clients = try ChildProcess(
                ["prlimit", "--nofile=12000", "perl", script, "\(proxy.port)", "\(Self.connections)"],
                log: scratch.path + "/clients.log")
            try eventually("9,000 connections", within: .seconds(60)) {
                guard clients.isRunning else { throw Failure("clients: \(clients.output)") }
                return clients.output.contains("ready")
            }
            #expect(try proxy.process.descriptors() >= Self.connections)
            let each = try (proxy.process.memory() - before) / Self.connections
            #expect(each < 4 << 10, "\(each) bytes a connection")

            // They cost no time, and others are answered as ever.
            let time = try proxy.process.processorTime()
            let began = ContinuousClock.now
            let tally = try Load.run(200, to: proxy.port)
            #expect(tally.failures == [] && tally.statuses == [200: 200])
            while ContinuousClock.now - began < .seconds(2) { usleep(50_000) }
            let spent = try proxy.process.processorTime() - time
            #expect(spent < .milliseconds(300), "\(spent) in two seconds")

            // When all go at once, all of them are let go of.
            clients.signal(SIGKILL)
            try eventually("the end of 9,000 connections") { try proxy.process.descriptors() < 1_000 }
            #expect(try get(proxy.port).text == "a")
        }
    }
}
