// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {UnixTime} from "../types/Units.sol";

/// How much a member may do. Only the master raises or lowers it.
enum Level {
    none, // not a member
    agent,
    delegate,
    master
}

/// What the pool thinks of a member. Changed by delegates, each time with a reason; reversible.
enum Standing {
    compliant,
    probation,
    violation,
    banned,
    abandoned,
    compromised
}

/// @title IRegistrar: the pool's key server
/// @notice Every event carries all that changed, so that the log alone gives the list of members.
interface IRegistrar {
    /// One member. The id is not in it: it is the last 20 bytes of keccak256(pubkey).
    struct Member {
        UnixTime registeredAt;
        UnixTime renewedAt;
        uint32 period; // seconds within which the next renewal is due, as it was at the last one
        Level level;
        Standing standing;
        uint32 roles; // bits: repository 1, index 2, monitor 4, manager 8, registrar 16
        address manager; // the delegate who assigns this agent's roles and watchers; zero: none yet
        address monitor; // zero: none
        address index; // zero: none
        bytes pubkey; // 64 bytes: x and y
        string secureAddr;
        string insecureAddr;
    }

    event Registered(
        address indexed id,
        bytes pubkey,
        string secureAddr,
        string insecureAddr,
        Level level,
        UnixTime registeredAt,
        uint32 period
    );
    event Renewed(address indexed id, UnixTime renewedAt, uint32 period);
    event EndpointsChanged(address indexed id, string secureAddr, string insecureAddr);
    event LevelChanged(address indexed id, address indexed by, Level level);
    event RolesChanged(address indexed id, address indexed by, uint32 roles);
    event StandingChanged(
        address indexed id,
        address indexed by,
        Standing standing,
        uint16 reason,
        bytes32 evidenceHash
    );
    event ManagerAssigned(address indexed id, address indexed by, address manager);
    event MonitorAssigned(address indexed id, address indexed by, address monitor);
    event IndexAssigned(address indexed id, address indexed by, address index);
    event PeriodChanged(address indexed by, uint32 period);
    event Dropped(address indexed id, address indexed by);

    error RegistrarKeyLength(uint256 expected, uint256 length);
    error RegistrarKeyOfOther(address expectedId, address caller);
    error RegistrarIdTaken(address id);
    error RegistrarNotMember(address id);
    error RegistrarPastDeadline(UnixTime deadline, UnixTime moment);
    error RegistrarEndpointTooLong(uint256 limit, uint256 length);
    error RegistrarPeriodOutside(uint32 shortest, uint32 longest, uint32 period);
    error RegistrarNotMaster(address expectedMaster, address caller);
    error RegistrarNotDelegate(address caller);
    error RegistrarLacksRole(address id, uint32 expectedRole, uint32 roles);
    error RegistrarNotManagerOf(address id, address expectedManager, address caller);
    error RegistrarRolesOfOtherLevel(uint32 allowed, uint32 roles);
    error RegistrarLevelUnfit(address id, Level expected, Level level);
    error RegistrarLevelNotGivable(Level level);
    error RegistrarOwnStanding(address id);
    error RegistrarStandingKept(address id, Standing standing);
    error RegistrarNotYet(UnixTime earliest, UnixTime moment);

    /// @notice Join with one's own key, which is the caller. Gives level agent and no role.
    /// @param pubkey 64 bytes, uncompressed without 0x04
    /// @param secureAddr multiaddr of the encrypted endpoint, at most 256 bytes
    /// @param insecureAddr multiaddr of the other endpoint, at most 256 bytes; empty: none
    function register(bytes calldata pubkey, string calldata secureAddr, string calldata insecureAddr) external;

    /// @notice The same for a key that cannot pay: anyone may submit its signature.
    /// @param deadline last second in which the signature counts
    /// @param signature Register(bytes pubkey,string secureAddr,string insecureAddr,uint32 deadline), 65 bytes, by that key
    function registerFor(
        bytes calldata pubkey,
        string calldata secureAddr,
        string calldata insecureAddr,
        UnixTime deadline,
        bytes calldata signature
    ) external;

    /// @notice Confirm the same key for another period. By the key.
    function renew(address id) external;

    /// @notice Change one's own endpoints. By the key.
    function setEndpoints(string calldata secureAddr, string calldata insecureAddr) external;

    /// @notice Raise an agent to delegate or lower it again. Roles and assignments of the old level end. By the master.
    function setLevel(address id, Level level) external;

    /// @notice Set all roles of a member. Of a delegate: by the master; of an agent: by its own manager.
    function setRoles(address id, uint32 roles) external;

    /// @notice Change standing. By a delegate with the role manager or registrar, never its own and never the master's.
    /// @param reason a code of the pool; 0 is kept for lapsed renewal
    /// @param evidenceHash hash of what it rests on; zero: none
    function setStanding(address id, Standing standing, uint16 reason, bytes32 evidenceHash) external;

    /// @notice Say which delegate manages an agent. By the master, a registrar, the manager it has, or, while it has none, the
    ///         manager who takes it.
    function assignManager(address id, address manager) external;

    /// @notice Say which monitor watches an agent; zero: none. By the agent's manager.
    function assignMonitor(address id, address monitor) external;

    /// @notice Say which index lists an agent; zero: none. By the agent's manager.
    function assignIndex(address id, address index) external;

    /// @notice Set the period for renewals from now on, 30 to 365 days. By a registrar.
    /// @param period seconds
    function setPeriod(uint32 period) external;

    /// @notice Mark a member whose renewal was missed for two periods. By anyone; not one that is banned or compromised.
    function abandon(address id) external;

    /// @notice Forget an abandoned member two more periods later. By anyone.
    function drop(address id) external;

    /// @notice All about a member; level none when there is none.
    function member(address id) external view returns (Member memory);

    /// @notice The key fixed at creation.
    function master() external view returns (address);

    /// @notice Seconds within which a renewal made now is followed by the next.
    function period() external view returns (uint32);

    /// @notice keccak256(abi.encode(chain id, this address)). protocol.md 1.
    function poolId() external view returns (bytes32);

    /// @notice How ids are made, in words.
    function idAlgorithm() external pure returns (string memory);
}
