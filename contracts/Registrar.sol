// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {Multicall} from "@openzeppelin/contracts/utils/Multicall.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IRegistrar, Level, Standing} from "./interfaces/IRegistrar.sol";
import {Renewals} from "./libraries/Renewals.sol";
import {Roles} from "./libraries/Roles.sol";
import {UnixTime} from "./types/Units.sol";

/// @title Registrar: who is who in a pool
/// @notice Keys, addresses, privilege, roles, standing, renewal. The master cannot be replaced; everything else is an event.
/// @dev INV10 rules: privilege, roles and standing change only by the functions below and only as their comments say.
///      The domain is that of the pool's handshake.
contract Registrar is IRegistrar, EIP712, Multicall {
    /// @notice Longest endpoint. Bytes.
    uint256 public constant ENDPOINT_LIMIT = 256;

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

    /// @param masterKey 64 bytes: the public key of the master, for ever
    /// @param period_ seconds between renewals, 30 to 365 days
    constructor(bytes memory masterKey, uint32 period_) EIP712("Holdfast Pool", "1") {
        _setPeriod(period_);
        master = _idOf(masterKey);
        _add(masterKey, "", "", Level.master);
    }

    modifier onlyMaster() {
        if (msg.sender != master) revert RegistrarNotMaster(master, msg.sender);
        _;
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
        self.renewedAt = _moment();
        self.period = period;
        emit Renewed(id, self.renewedAt, period);
    }

    /// @inheritdoc IRegistrar
    function setEndpoints(string calldata secureAddr, string calldata insecureAddr) external {
        Member storage self = _existing(msg.sender);
        _setEndpoints(self, secureAddr, insecureAddr);
        emit EndpointsChanged(msg.sender, secureAddr, insecureAddr);
    }

    /// @inheritdoc IRegistrar
    function setLevel(address id, Level level) external onlyMaster {
        if (level != Level.agent && level != Level.delegate) revert RegistrarLevelNotGivable(level);
        Member storage subject = _existing(id);
        if (subject.level == Level.master) revert RegistrarLevelNotGivable(Level.master);
        // a level said twice must not end the roles given in between
        if (subject.level == level) revert RegistrarLevelNotGivable(level);
        subject.level = level;
        // What belonged to the other level ends here; a reader of the log applies the same rule.
        delete subject.roles;
        delete subject.manager;
        delete subject.monitor;
        delete subject.index;
        emit LevelChanged(id, msg.sender, level);
    }

    /// @inheritdoc IRegistrar
    function setRoles(address id, uint32 roles) external {
        Member storage subject = _existing(id);
        if (subject.level == Level.agent) {
            _assertManagerOf(id, subject);
        } else if (msg.sender != master) {
            revert RegistrarNotMaster(master, msg.sender);
        }
        uint32 allowed = Roles.allowedAt(subject.level);
        if (roles & ~allowed != 0) revert RegistrarRolesOfOtherLevel(allowed, roles);
        subject.roles = roles;
        emit RolesChanged(id, msg.sender, roles);
    }

    /// @inheritdoc IRegistrar
    function setStanding(address id, Standing standing, uint16 reason, bytes32 evidenceHash) external {
        _assertActing(msg.sender, Roles.MANAGER | Roles.REGISTRAR);
        if (id == msg.sender) revert RegistrarOwnStanding(id);
        Member storage subject = _existing(id);
        if (subject.level == Level.master) revert RegistrarStandingKept(id, subject.standing);
        subject.standing = standing;
        emit StandingChanged(id, msg.sender, standing, reason, evidenceHash);
    }

    /// @inheritdoc IRegistrar
    function assignManager(address id, address manager) external {
        Member storage subject = _agent(id);
        if (msg.sender != master) {
            bool own = subject.manager == msg.sender || (subject.manager == address(0) && manager == msg.sender);
            _assertActing(msg.sender, own ? Roles.MANAGER : Roles.REGISTRAR);
        }
        _assertActing(manager, Roles.MANAGER);
        subject.manager = manager;
        emit ManagerAssigned(id, msg.sender, manager);
    }

    /// @inheritdoc IRegistrar
    function assignMonitor(address id, address monitor) external {
        Member storage subject = _agent(id);
        _assertManagerOf(id, subject);
        if (monitor != address(0)) _assertRole(monitor, Roles.MONITOR);
        subject.monitor = monitor;
        emit MonitorAssigned(id, msg.sender, monitor);
    }

    /// @inheritdoc IRegistrar
    function assignIndex(address id, address index) external {
        Member storage subject = _agent(id);
        _assertManagerOf(id, subject);
        if (index != address(0)) _assertRole(index, Roles.INDEX);
        subject.index = index;
        emit IndexAssigned(id, msg.sender, index);
    }

    /// @inheritdoc IRegistrar
    function setPeriod(uint32 period_) external {
        _assertActing(msg.sender, Roles.REGISTRAR);
        _setPeriod(period_);
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
        bool isTrusted = actor.standing == Standing.compliant || actor.standing == Standing.probation;
        if (actor.level != Level.delegate || !isTrusted) revert RegistrarNotDelegate(id);
        if (actor.roles & anyRole == 0) revert RegistrarLacksRole(id, anyRole, actor.roles);
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

    function _idOf(bytes memory pubkey) private pure returns (address) {
        if (pubkey.length != KEY_LENGTH) revert RegistrarKeyLength(KEY_LENGTH, pubkey.length);
        return address(uint160(uint256(keccak256(pubkey))));
    }

    function _moment() private view returns (UnixTime) {
        return UnixTime.wrap(uint32(block.timestamp));
    }
}
