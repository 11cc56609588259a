/**
 * The same deployment as `holdfast up`, from the same table, for tests and public networks:
 * `hardhat ignition deploy ignition/modules/Holdfast.ts --network NAME --parameters FILE`.
 */
import { buildModule } from '@nomicfoundation/hardhat-ignition/modules'
import {
  type ContractName,
  DEFAULT_RENEWAL_PERIOD,
  DEPLOYMENT_PLAN,
  NO_MINTER,
  planArguments,
} from '../../chain/bindings/deployment-plan.ts'

export default buildModule('Holdfast', (m) => {
  const terms = {
    minter: m.getParameter<string>('minter', NO_MINTER),
    advertFloor: m.getParameter<bigint>('advertFloor'),
    masterKey: m.getParameter<string>('masterKey'),
    renewalPeriod: m.getParameter<number>('renewalPeriod', DEFAULT_RENEWAL_PERIOD),
  }
  type Argument = (typeof terms)[keyof typeof terms] | ReturnType<typeof m.contract>
  const made: Partial<Record<ContractName, ReturnType<typeof m.contract>>> = {}
  for (const step of DEPLOYMENT_PLAN) {
    made[step.name] = m.contract(step.artifact, [...planArguments<Argument>(step, terms, made)])
  }
  return made as Record<ContractName, ReturnType<typeof m.contract>>
})
