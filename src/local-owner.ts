// Owns who the person on this machine is: whoever can open the socket or the data directory may do everything here.
import type { Principal } from './contracts/accounts.ts';

export const LOCAL_OWNER: Principal = {
  id: 'local',
  name: 'local',
  team: 'local',
  roles: ['admin', 'author', 'approver', 'auditor', 'client'],
};
