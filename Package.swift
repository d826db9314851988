// swift-tools-version: 6.2
import PackageDescription

/// CI sets MERIDIAN_STRICT=1: then a warning in our own sources is an error. Dependencies keep their own rules.
let strict = Context.environment["MERIDIAN_STRICT"] == "1"

let swiftSettings: [SwiftSetting] =
    [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableExperimentalFeature("Lifetimes"),
        // Every loop-bound object is touched by one thread only, so the dynamic exclusivity checks of class
        // properties find nothing there; they cost about a tenth of a request. Debug builds, and with them all tests of
        // the cores, keep them.
        .unsafeFlags(
            ["-enforce-exclusivity=unchecked", "-cross-module-optimization"], .when(configuration: .release)),
    ] + (strict ? [.treatAllWarnings(as: .error)] : [])

func pure(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: swiftSettings)
}

func shell(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .target(
        name: name, dependencies: dependencies + [.product(name: "Logging", package: "swift-log")], exclude: exclude,
        swiftSettings: swiftSettings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
    .testTarget(name: name, dependencies: dependencies, resources: resources, swiftSettings: swiftSettings)
}

let package = Package(
    name: "meridian",
    products: [.executable(name: "meridian", targets: ["meridian"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        // Without its default traits it needs no more of Foundation than FoundationEssentials.
        .package(url: "https://github.com/apple/swift-protobuf", exact: "1.39.0", traits: []),
    ],
    targets: [
        // Pure cores.
        pure("Topology"),
        pure("HTTPWire"),
        pure("HTTP2Wire", ["HTTPWire"]),
        pure("Raft", ["Topology"]),
        pure("Catalog", ["Topology"]),
        pure("Health", ["Topology"]),
        pure("Balancing", ["Topology"]),
        pure("Switching", ["Topology", "Catalog"]),
        pure("Failover", ["Topology", "Catalog"]),
        pure("Proxying", ["Topology", "HTTPWire", "Balancing", "Switching"]),
        pure("Simulation", ["Raft", "Topology", "Catalog", "Switching", "Failover"]),
        pure("Routing", ["Topology", "Catalog", "Health", "Balancing"]),
        // C modules.
        .target(name: "CLinux"),
        .target(name: "CURing", linkerSettings: [.linkedLibrary("uring")]),
        .target(name: "COpenSSL", linkerSettings: [.linkedLibrary("ssl"), .linkedLibrary("crypto")]),
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        // Shells.
        shell("Proactor", ["CLinux", "CURing", "Topology"]),
        shell("TLS", ["COpenSSL", "Proactor", "Topology"]),
        shell("Transport", ["Proactor", "TLS", "Topology"]),
        shell(
            "RaftRuntime",
            [
                "Raft", "Topology", "Proactor", "CLinux", "TLS", "Transport",
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ],
            exclude: ["Transport/peer.proto"]),
        shell("HTTPTransport", ["HTTPWire", "Transport", "Proactor", "Topology"]),
        shell("Settings", ["CYAML", "Topology", "Catalog", "Balancing", "Health", "Routing"]),
        shell("Probing", ["HTTPTransport", "Proactor", "Topology", "Health", "Routing"]),
        shell(
            "DataPlane",
            [
                "HTTPTransport", "Transport", "TLS", "Proxying", "HTTPWire", "Proactor", "CLinux", "Topology",
                "Balancing", "Routing", "Catalog", "Switching",
            ]),
        shell(
            "ControlPlane",
            [
                "RaftRuntime", "Raft", "Failover", "Switching", "Probing", "Proactor", "Topology", "Catalog", "Health",
                "Balancing", "Routing",
            ]),
        shell(
            "Admin",
            [
                "ControlPlane", "DataPlane", "HTTPTransport", "Settings", "Proactor", "Topology", "Catalog", "Health",
                "Balancing", "Routing", "Failover",
            ]),
        .executableTarget(
            name: "meridian",
            dependencies: [
                "Admin", "ControlPlane", "DataPlane", "HTTPTransport", "Settings", "Proactor", "RaftRuntime", "Raft",
                "TLS", "HTTPWire", "Simulation", "Topology", "Catalog", "Routing", "Switching", "CLinux",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: swiftSettings),
        // Tests.
        tests("TopologyTests", ["Topology"]),
        tests("HTTPWireTests", ["HTTPWire"]),
        tests("HTTP2WireTests", ["HTTP2Wire", "HTTPWire"]),
        .testTarget(
            name: "FuzzTests", dependencies: ["HTTPWire", "HTTP2Wire"], path: "Tests/Fuzz",
            exclude: ["hpack_oracle"], swiftSettings: swiftSettings),
        tests("ProactorTests", ["Proactor", "Topology"]),
        tests("TLSTests", ["TLS", "Transport", "Proactor", "Topology"]),
        tests("TransportTests", ["Transport", "TLS", "Proactor", "Topology"]),
        tests(
            "RaftRuntimeTests",
            [
                "RaftRuntime", "Raft", "TLS", "Proactor", "Topology",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ]),
        tests("CatalogTests", ["Catalog", "Topology"]),
        tests("SimulationTests", ["Simulation", "Raft", "Topology"]),
        tests("SwitchingTests", ["Switching", "Catalog", "Topology"]),
        tests(
            "ProxyingTests", ["Proxying", "Topology", "HTTPWire", "Balancing", "Catalog", "Switching"]),
        tests("FailoverTests", ["Failover", "Catalog", "Topology"]),
        tests("RoutingTests", ["Routing", "Topology", "Catalog", "Health", "Balancing"]),
        tests("BalancingTests", ["Balancing", "Topology"]),
        tests("HealthTests", ["Health", "Topology"]),
        tests("RaftTests", ["Raft", "Topology"], resources: [.copy("Transcripts")]),
        tests("HTTPTransportTests", ["HTTPTransport", "HTTPWire", "Transport", "Proactor", "Topology"]),
        tests("ProbingTests", ["Probing", "HTTPTransport", "Proactor", "Topology", "Health", "Routing"]),
        tests(
            "SettingsTests", ["Settings", "Topology", "Catalog", "Balancing", "Health", "Routing"],
            resources: [.copy("Golden")]),
        tests(
            "DataPlaneTests",
            [
                "DataPlane", "HTTPWire", "Proactor", "Balancing", "Routing", "Topology", "Catalog", "Switching",
                .product(name: "Logging", package: "swift-log"),
            ]),
        tests("EndToEnd", []),
        tests(
            "ControlPlaneTests",
            [
                "ControlPlane", "Failover", "Switching", "Probing", "Proactor", "Topology", "Catalog", "Health",
                "Balancing", "Raft", "Routing", .product(name: "Logging", package: "swift-log"),
            ]),
        tests(
            "AdminTests",
            [
                "Admin", "ControlPlane", "DataPlane", "HTTPTransport", "Settings", "Proactor", "Topology", "Catalog",
                "Balancing", "Health", "Routing", "Switching",
            ]),
        tests(
            "meridianTests",
            [
                "meridian", "Admin", "ControlPlane", "DataPlane", "Settings", "Routing", "Proactor", "Topology",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ]),
        tests("TidyTests", []),
    ]
)
