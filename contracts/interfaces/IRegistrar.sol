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

/// What a pool asks of its members. Set by the master within bounds that its creation fixed; no contract collects or judges by it,
/// its programs do. Shares in basis points, 1/10,000.
struct Policy {
    uint16 feeShare; // of the rent, that members owe the pool
    uint16 rightShare; // of the space a repository offers, that it may store elsewhere: the right to store
    uint16 muteShare; // of an accuser's reports: when more are dismissed, it is heard no more
    uint16 panelSeats; // monitors drawn to judge
    uint16 panelVotes; // of these, that convict: more than half
    uint16 panelLeast; // independent monitors below which a panel only advises
    bool inviteOnly; // managers give roles to the invited only
}

/// A policy, and between which values the master may move each of its fields.
struct PolicyTerms {
    Policy initial;
    Policy least;
    Policy most;
}

/// Lets its holder act for its signer: the master, or the holder of the permit it was cut from.
struct Permit {
    bytes32 parent; // EIP-712 digest of the permit it was cut from; zero: signed by the master
    address holder;
    uint32 scopes; // bits: standing 1, assign 2, policy 4, appoint 8
    uint32 expires; // last second in which it counts
    bytes32 id; // for revoking it
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
        address[] monitors; // at most 8; who of them still has the role is for the reader to look up
        address[] indexes; // at most 8, likewise
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
    event MonitorsAssigned(address indexed id, address indexed by, address[] monitors);
    event IndexesAssigned(address indexed id, address indexed by, address[] indexes);
    event PeriodChanged(address indexed by, uint32 period);
    event PolicyBounded(Policy least, Policy most);
    event PolicyChanged(address indexed by, Policy policy);
    event InvitationPresented(address indexed id, bytes invitation);
    event Resigned(address indexed id);
    event Dropped(address indexed id, address indexed by);
    event PermitUsed(bytes32 indexed permit, address indexed by, uint32 scopes);
    event PermitRevoked(bytes32 indexed permit, address indexed by);

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
    error RegistrarRenewalEarly(UnixTime earliest, UnixTime moment);
    error RegistrarRenewalLate(UnixTime latest, UnixTime moment);
    error RegistrarReasonMissing(address id);
    error RegistrarEvidenceMissing(address id);
    error RegistrarWatchersTooMany(uint256 limit, uint256 count);
    error RegistrarWatcherTwice(address id);
    error RegistrarWatcherOfItself(address id);
    error RegistrarPolicyOutside(Policy least, Policy most);
    error RegistrarInvitationTooLong(uint256 limit, uint256 length);
    error RegistrarPermitChain(uint256 links, uint256 signatures);
    error RegistrarPermitParent(bytes32 permit);
    error RegistrarPermitForged(address expectedSigner, address signer);
    error RegistrarPermitExpired(uint32 expires, UnixTime moment);
    error RegistrarPermitRevoked(bytes32 permit, address by);
    error RegistrarPermitWidened(bytes32 permit);
    error RegistrarPermitHolder(address expectedHolder, address caller);
    error RegistrarPermitForSelf(address id);
    error RegistrarStandingLost(address id, Standing standing);

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

    /// @notice Confirm the same key for another period. By the key; not before a quarter of the period is over, and not once the key
    ///         may be dropped. Standing does not change: who was marked abandoned renews, then a delegate restores it.
    function renew(address id) external;

    /// @notice Change one's own endpoints. By the key.
    function setEndpoints(string calldata secureAddr, string calldata insecureAddr) external;

    /// @notice Give up one's roles, watchers and endpoints. By the key. Level, standing and history stay until the renewal lapses.
    function resign() external;

    /// @notice Lay an invitation before the managers; they judge it. By a member.
    /// @param invitation pool/invitation.ts, at most 256 bytes
    function presentInvitation(bytes calldata invitation) external;

    /// @notice Raise an agent to delegate or lower it again. Roles and assignments of the old level end. By the master.
    function setLevel(address id, Level level) external;

    /// @notice Set all roles of a member. Of a delegate: by the master; of an agent: by its own manager.
    function setRoles(address id, uint32 roles) external;

    /// @notice Change standing. By a delegate with the role manager or registrar, never its own and never the master's.
    /// @param reason a code of the pool; 0 is kept for lapsed renewal and refused here
    /// @param evidenceHash hash of what it rests on; not zero
    function setStanding(address id, Standing standing, uint16 reason, bytes32 evidenceHash) external;

    /// @notice Say which delegate manages an agent. By the master, a registrar, the manager it has, or, while it has none, the
    ///         manager who takes it.
    function assignManager(address id, address manager) external;

    /// @notice Say which monitors watch an agent, all of them at once. By the agent's manager.
    /// @param monitors at most 8, each with the role, none twice, none the agent itself
    function assignMonitors(address id, address[] calldata monitors) external;

    /// @notice Say which indexes list an agent, all of them at once. By the agent's manager.
    /// @param indexes at most 8, each with the role, none twice, none the agent itself
    function assignIndexes(address id, address[] calldata indexes) external;

    /// @notice Set the period for renewals from now on, 30 to 365 days. By a registrar.
    /// @param period seconds
    function setPeriod(uint32 period) external;

    /// @notice Change what the pool asks of its members, within the bounds. By the master.
    function setPolicy(Policy calldata policy_) external;

    /// @notice Do what the permits allow: the caller holds the last of the chain, the master signed the first, each holder the next one
    ///         below it, which is no wider. Only calls of a permit's scope gain by it.
    /// @param chain 1 to 4 permits
    /// @param signatures of each, 65 bytes
    /// @param call calldata of this contract
    function underPermit(
        Permit[] calldata chain,
        bytes[] calldata signatures,
        bytes calldata call
    ) external returns (bytes memory);

    /// @notice End a permit that the caller, or anybody when the caller is the master, signed under this id.
    function revokePermit(bytes32 id) external;

    /// @notice Mark a member whose renewal was missed for two periods. By anyone; not one that is banned or compromised.
    function abandon(address id) external;

    /// @notice Forget an abandoned member two more periods later. By anyone.
    function drop(address id) external;

    /// @notice All about a member; level none when there is none.
    function member(address id) external view returns (Member memory);

    /// @notice What the pool asks of its members.
    function policy() external view returns (Policy memory);

    /// @notice Between which values the master may move it.
    function policyBounds() external view returns (Policy memory least, Policy memory most);

    /// @notice Whether this signer ended its permits of this id.
    function isPermitRevoked(address signer, bytes32 id) external view returns (bool);

    /// @notice The key fixed at creation.
    function master() external view returns (address);

    /// @notice Seconds within which a renewal made now is followed by the next.
    function period() external view returns (uint32);

    /// @notice keccak256(abi.encode(chain id, this address)). protocol.md 1.
    function poolId() external view returns (bytes32);

    /// @notice How ids are made, in words.
    function idAlgorithm() external pure returns (string memory);
}
