// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {Multicall} from "@openzeppelin/contracts/utils/Multicall.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IRegistrar, Level, Permit, Policy, PolicyTerms, Standing} from "./interfaces/IRegistrar.sol";
import {Permits} from "./libraries/Permits.sol";
import {Policies} from "./libraries/Policies.sol";
import {Renewals} from "./libraries/Renewals.sol";
import {Roles} from "./libraries/Roles.sol";
import {UnixTime} from "./types/Units.sol";

/// @title Registrar: who is who in a pool
/// @notice Keys, addresses, privilege, roles, watchers, standing, renewal, policy. The master cannot be replaced; all else is an event.
/// @dev INV10 rules: privilege, roles and standing change only by the functions below and only as their comments say.
///      The domain is that of the pool's handshake.
contract Registrar is IRegistrar, EIP712, Multicall {
    /// @notice Longest endpoint. Bytes.
    uint256 public constant ENDPOINT_LIMIT = 256;

    /// @notice Longest invitation. Bytes.
    uint256 public constant INVITATION_LIMIT = 256;
    /// @notice Most monitors, and most indexes, of one agent.
    uint256 public constant WATCHERS_LIMIT = 8;

    /// Length of an uncompressed public key without its first byte. Bytes.
    uint256 private constant KEY_LENGTH = 64;

    /// Reason of a standing that nobody decided: the renewal lapsed.
    uint16 private constant REASON_LAPSED = 0;

    bytes32 private constant REGISTER =
        keccak256("Register(bytes pubkey,string secureAddr,string insecureAddr,uint32 deadline)");

    /// @inheritdoc IRegistrar
    address public immutable master;
    /// @inheritdoc IRegistrar
    uint32 public period;

    mapping(address id => Member) private _members;
    mapping(address signer => mapping(bytes32 permit => bool)) private _revoked;
    Policy private _policy;
    Policy private _leastPolicy;
    Policy private _mostPolicy;

    /// Scopes of the permits under which the present call runs; zero: under none.
    uint32 private transient _scopes;

    /// @param masterKey 64 bytes: the public key of the master, for ever
    /// @param period_ seconds between renewals, 30 to 365 days
    /// @param terms the policy to begin with, and its bounds for ever
    constructor(bytes memory masterKey, uint32 period_, PolicyTerms memory terms) EIP712("Holdfast Pool", "1") {
        _setPeriod(period_);
        _leastPolicy = terms.least;
        _mostPolicy = terms.most;
        emit PolicyBounded(terms.least, terms.most);
        _setPolicy(terms.initial);
        master = _idOf(masterKey);
        _add(masterKey, "", "", Level.master);
    }

    /// @inheritdoc IRegistrar
    function register(bytes calldata pubkey, string calldata secureAddr, string calldata insecureAddr) external {
        address id = _idOf(pubkey);
        if (id != msg.sender) revert RegistrarKeyOfOther(id, msg.sender);
        _add(pubkey, secureAddr, insecureAddr, Level.agent);
    }

    /// @inheritdoc IRegistrar
    function registerFor(
        bytes calldata pubkey,
        string calldata secureAddr,
        string calldata insecureAddr,
        UnixTime deadline,
        bytes calldata signature
    ) external {
        if (_moment() > deadline) revert RegistrarPastDeadline(deadline, _moment());
        bytes32 structHash = keccak256(
            abi.encode(
                REGISTER,
                keccak256(pubkey),
                keccak256(bytes(secureAddr)),
                keccak256(bytes(insecureAddr)),
                deadline
            )
        );
        address id = _idOf(pubkey);
        (address signer, , ) = ECDSA.tryRecoverCalldata(_hashTypedDataV4(structHash), signature);
        if (id != signer) revert RegistrarKeyOfOther(id, signer);
        _add(pubkey, secureAddr, insecureAddr, Level.agent);
    }

    /// @inheritdoc IRegistrar
    function renew(address id) external {
        if (id != msg.sender) revert RegistrarKeyOfOther(id, msg.sender);
        Member storage self = _existing(id);
        UnixTime moment = _moment();
        UnixTime earliest = Renewals.renewableAt(self.renewedAt, self.period);
        if (moment < earliest) revert RegistrarRenewalEarly(earliest, moment);
        // A key that may be dropped counts no longer; it comes back by registering. The master's is never dropped.
        UnixTime over = Renewals.missedAt(self.renewedAt, self.period, Renewals.MISSED_TO_DROP);
        if (!(moment < over) && self.level != Level.master) revert RegistrarRenewalLate(over, moment);
        self.renewedAt = moment;
        self.period = period;
        emit Renewed(id, moment, period);
    }

    /// @inheritdoc IRegistrar
    function setEndpoints(string calldata secureAddr, string calldata insecureAddr) external {
        Member storage self = _existing(msg.sender);
        _setEndpoints(self, secureAddr, insecureAddr);
        emit EndpointsChanged(msg.sender, secureAddr, insecureAddr);
    }

    /// @inheritdoc IRegistrar
    function resign() external {
        Member storage self = _existing(msg.sender);
        if (self.level == Level.master) revert RegistrarLevelNotGivable(Level.master);
        _endWork(self);
        _setEndpoints(self, "", "");
        emit Resigned(msg.sender);
    }

    /// @inheritdoc IRegistrar
    function presentInvitation(bytes calldata invitation) external {
        _existing(msg.sender);
        uint256 length = invitation.length;
        if (length > INVITATION_LIMIT) revert RegistrarInvitationTooLong(INVITATION_LIMIT, length);
        emit InvitationPresented(msg.sender, invitation);
    }

    /// @inheritdoc IRegistrar
    function setLevel(address id, Level level) external {
        _assertMaster(Permits.APPOINT, id);
        if (level != Level.agent && level != Level.delegate) revert RegistrarLevelNotGivable(level);
        Member storage subject = _existing(id);
        if (subject.level == Level.master) revert RegistrarLevelNotGivable(Level.master);
        // a level said twice must not end the roles given in between
        if (subject.level == level) revert RegistrarLevelNotGivable(level);
        subject.level = level;
        // What belonged to the other level ends here; a reader of the log applies the same rule.
        _endWork(subject);
        emit LevelChanged(id, msg.sender, level);
    }

    /// @inheritdoc IRegistrar
    function setRoles(address id, uint32 roles) external {
        Member storage subject = _existing(id);
        if (subject.level == Level.agent) {
            _assertManagerOf(id, subject);
        } else {
            _assertMaster(Permits.APPOINT, id);
        }
        uint32 allowed = Roles.allowedAt(subject.level);
        if (roles & ~allowed != 0) revert RegistrarRolesOfOtherLevel(allowed, roles);
        subject.roles = roles;
        emit RolesChanged(id, msg.sender, roles);
    }

    /// @inheritdoc IRegistrar
    function setStanding(address id, Standing standing, uint16 reason, bytes32 evidenceHash) external {
        if (_scopes & Permits.STANDING == 0) _assertActing(msg.sender, Roles.MANAGER | Roles.REGISTRAR);
        if (id == msg.sender) revert RegistrarOwnStanding(id);
        if (reason == REASON_LAPSED) revert RegistrarReasonMissing(id);
        if (evidenceHash == bytes32(0)) revert RegistrarEvidenceMissing(id);
        Member storage subject = _existing(id);
        if (subject.level == Level.master) revert RegistrarStandingKept(id, subject.standing);
        subject.standing = standing;
        emit StandingChanged(id, msg.sender, standing, reason, evidenceHash);
    }

    /// @inheritdoc IRegistrar
    function assignManager(address id, address manager) external {
        Member storage subject = _agent(id);
        if (_scopes & Permits.ASSIGN != 0) {
            _assertMaster(Permits.ASSIGN, id);
        } else if (msg.sender != master) {
            bool own = subject.manager == msg.sender || (subject.manager == address(0) && manager == msg.sender);
            _assertActing(msg.sender, own ? Roles.MANAGER : Roles.REGISTRAR);
        }
        _assertActing(manager, Roles.MANAGER);
        subject.manager = manager;
        emit ManagerAssigned(id, msg.sender, manager);
    }

    /// @inheritdoc IRegistrar
    function assignMonitors(address id, address[] calldata monitors) external {
        Member storage subject = _agent(id);
        _assertManagerOf(id, subject);
        _assertWatchers(id, monitors, Roles.MONITOR);
        subject.monitors = monitors;
        emit MonitorsAssigned(id, msg.sender, monitors);
    }

    /// @inheritdoc IRegistrar
    function assignIndexes(address id, address[] calldata indexes) external {
        Member storage subject = _agent(id);
        _assertManagerOf(id, subject);
        _assertWatchers(id, indexes, Roles.INDEX);
        subject.indexes = indexes;
        emit IndexesAssigned(id, msg.sender, indexes);
    }

    /// @inheritdoc IRegistrar
    function setPeriod(uint32 period_) external {
        _assertActing(msg.sender, Roles.REGISTRAR);
        _setPeriod(period_);
    }

    /// @inheritdoc IRegistrar
    function setPolicy(Policy calldata policy_) external {
        _assertMaster(Permits.POLICY, address(0));
        _setPolicy(policy_);
    }

    /// @inheritdoc IRegistrar
    function underPermit(
        Permit[] calldata chain,
        bytes[] calldata signatures,
        bytes calldata call
    ) external returns (bytes memory result) {
        uint32 scopes = _assertPermits(chain, signatures);
        emit PermitUsed(chain[chain.length - 1].id, msg.sender, scopes);
        _scopes = scopes;
        result = Address.functionDelegateCall(address(this), call);
        _scopes = 0;
    }

    /// @inheritdoc IRegistrar
    function revokePermit(bytes32 id) external {
        _revoked[msg.sender][id] = true;
        emit PermitRevoked(id, msg.sender);
    }

    /// @inheritdoc IRegistrar
    function abandon(address id) external {
        Member storage subject = _existing(id);
        Standing standing = subject.standing;
        // A verdict must not lapse: whoever was banned could wait it out and come back clean.
        bool isKept = standing == Standing.banned || standing == Standing.compromised;
        if (isKept || standing == Standing.abandoned || subject.level == Level.master) {
            revert RegistrarStandingKept(id, standing);
        }
        _assertMissed(subject, Renewals.MISSED_TO_ABANDON);
        subject.standing = Standing.abandoned;
        emit StandingChanged(id, msg.sender, Standing.abandoned, REASON_LAPSED, bytes32(0));
    }

    /// @inheritdoc IRegistrar
    function drop(address id) external {
        Member storage subject = _existing(id);
        if (subject.standing != Standing.abandoned) revert RegistrarStandingKept(id, subject.standing);
        _assertMissed(subject, Renewals.MISSED_TO_DROP);
        delete _members[id];
        emit Dropped(id, msg.sender);
    }

    /// @inheritdoc IRegistrar
    function member(address id) external view returns (Member memory) {
        return _members[id];
    }

    /// @inheritdoc IRegistrar
    function policy() external view returns (Policy memory) {
        return _policy;
    }

    /// @inheritdoc IRegistrar
    function policyBounds() external view returns (Policy memory least, Policy memory most) {
        return (_leastPolicy, _mostPolicy);
    }

    /// @inheritdoc IRegistrar
    function isPermitRevoked(address signer, bytes32 id) external view returns (bool) {
        return _revoked[signer][id];
    }

    /// @inheritdoc IRegistrar
    function poolId() external view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this)));
    }

    /// @inheritdoc IRegistrar
    function idAlgorithm() external pure returns (string memory) {
        return "last 20 bytes of keccak256 of the uncompressed secp256k1 public key without its first byte 0x04";
    }

    function _add(bytes memory pubkey, string memory secureAddr, string memory insecureAddr, Level level) private {
        address id = _idOf(pubkey);
        Member storage subject = _members[id];
        if (subject.level != Level.none) revert RegistrarIdTaken(id);
        UnixTime moment = _moment();
        subject.registeredAt = moment;
        subject.renewedAt = moment;
        subject.period = period;
        subject.level = level;
        subject.pubkey = pubkey;
        _setEndpoints(subject, secureAddr, insecureAddr);
        emit Registered(id, pubkey, secureAddr, insecureAddr, level, moment, period);
    }

    function _setEndpoints(Member storage subject, string memory secureAddr, string memory insecureAddr) private {
        _assertEndpoint(secureAddr);
        _assertEndpoint(insecureAddr);
        subject.secureAddr = secureAddr;
        subject.insecureAddr = insecureAddr;
    }

    function _setPeriod(uint32 period_) private {
        if (!Renewals.isWithinBounds(period_)) {
            revert RegistrarPeriodOutside(Renewals.SHORTEST, Renewals.LONGEST, period_);
        }
        period = period_;
        emit PeriodChanged(msg.sender, period_);
    }

    function _setPolicy(Policy memory policy_) private {
        if (!Policies.isWithin(policy_, _leastPolicy, _mostPolicy)) {
            revert RegistrarPolicyOutside(_leastPolicy, _mostPolicy);
        }
        _policy = policy_;
        emit PolicyChanged(msg.sender, policy_);
    }

    /// What a member does for the pool, and who watches it. A reader of the log ends the same at LevelChanged and Resigned.
    function _endWork(Member storage subject) private {
        delete subject.roles;
        delete subject.manager;
        delete subject.monitors;
        delete subject.indexes;
    }

    function _existing(address id) private view returns (Member storage subject) {
        subject = _members[id];
        if (subject.level == Level.none) revert RegistrarNotMember(id);
    }

    function _agent(address id) private view returns (Member storage subject) {
        subject = _existing(id);
        if (subject.level != Level.agent) revert RegistrarLevelUnfit(id, Level.agent, subject.level);
    }

    function _assertManagerOf(address id, Member storage subject) private view {
        if (subject.manager != msg.sender) revert RegistrarNotManagerOf(id, subject.manager, msg.sender);
        _assertActing(msg.sender, Roles.MANAGER);
    }

    /// A delegate acts only with one of these roles and while it is itself trusted.
    function _assertActing(address id, uint32 anyRole) private view {
        Member storage actor = _members[id];
        if (actor.level != Level.delegate || !_isTrusted(actor.standing)) revert RegistrarNotDelegate(id);
        if (actor.roles & anyRole == 0) revert RegistrarLacksRole(id, anyRole, actor.roles);
    }

    /// The master, or somebody under a permit of this scope, who must not raise itself by it: what it gained would outlast the permit.
    function _assertMaster(uint32 scope, address subject) private view {
        if (msg.sender == master) return;
        if (_scopes & scope == 0) revert RegistrarNotMaster(master, msg.sender);
        if (subject == msg.sender) revert RegistrarPermitForSelf(subject);
    }

    /// @return scopes what the caller may do by the last permit of the chain
    function _assertPermits(Permit[] calldata chain, bytes[] calldata signatures) private view returns (uint32 scopes) {
        if (chain.length == 0 || chain.length > Permits.LINKS || chain.length != signatures.length) {
            revert RegistrarPermitChain(chain.length, signatures.length);
        }
        address signer = master;
        bytes32 parent;
        scopes = type(uint32).max;
        uint32 expires = type(uint32).max;
        for (uint256 i = 0; i < chain.length; ++i) {
            Permit calldata link = chain[i];
            if (link.parent != parent) revert RegistrarPermitParent(link.id);
            if (!Permits.isNoWider(link, scopes, expires)) revert RegistrarPermitWidened(link.id);
            bytes32 digest = _hashTypedDataV4(Permits.structHash(link));
            (address found, , ) = ECDSA.tryRecoverCalldata(digest, signatures[i]);
            if (found != signer) revert RegistrarPermitForged(signer, found);
            if (_revoked[signer][link.id]) revert RegistrarPermitRevoked(link.id, signer);
            if (_revoked[master][link.id]) revert RegistrarPermitRevoked(link.id, master);
            if (UnixTime.wrap(link.expires) < _moment()) revert RegistrarPermitExpired(link.expires, _moment());
            Standing standing = _members[link.holder].standing;
            if (!_isTrusted(standing)) revert RegistrarStandingLost(link.holder, standing);
            (signer, parent, scopes, expires) = (link.holder, digest, link.scopes, link.expires);
        }
        if (signer != msg.sender) revert RegistrarPermitHolder(signer, msg.sender);
    }

    function _assertWatchers(address id, address[] calldata watchers, uint32 role) private view {
        uint256 count = watchers.length;
        if (count > WATCHERS_LIMIT) revert RegistrarWatchersTooMany(WATCHERS_LIMIT, count);
        for (uint256 i = 0; i < count; ++i) {
            address watcher = watchers[i];
            if (watcher == id) revert RegistrarWatcherOfItself(id);
            _assertRole(watcher, role);
            for (uint256 j = 0; j < i; ++j) {
                if (watchers[j] == watcher) revert RegistrarWatcherTwice(watcher);
            }
        }
    }

    function _assertRole(address id, uint32 role) private view {
        uint32 roles = _members[id].roles;
        if (roles & role == 0) revert RegistrarLacksRole(id, role, roles);
    }

    function _assertMissed(Member storage subject, uint32 missed) private view {
        UnixTime earliest = Renewals.missedAt(subject.renewedAt, subject.period, missed);
        if (_moment() < earliest) revert RegistrarNotYet(earliest, _moment());
    }

    function _assertEndpoint(string memory endpoint) private pure {
        uint256 length = bytes(endpoint).length;
        if (length > ENDPOINT_LIMIT) revert RegistrarEndpointTooLong(ENDPOINT_LIMIT, length);
    }

    /// Who is none of the pool's members counts as compliant here; that gives it nothing.
    function _isTrusted(Standing standing) private pure returns (bool) {
        return standing == Standing.compliant || standing == Standing.probation;
    }

    function _idOf(bytes memory pubkey) private pure returns (address) {
        if (pubkey.length != KEY_LENGTH) revert RegistrarKeyLength(KEY_LENGTH, pubkey.length);
        return address(uint160(uint256(keccak256(pubkey))));
    }

    function _moment() private view returns (UnixTime) {
        return UnixTime.wrap(uint32(block.timestamp));
    }
}
