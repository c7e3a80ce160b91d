import { useEffect, useState } from 'react';
import type { Session } from './session.ts';

/** The session's token to copy. Copying must happen within the press of a button, so that it has to be there before. */
export const useFreshToken = ({ token, freshToken }: Session): string => {
  const [fresh, setFresh] = useState(token);
  useEffect(() => {
    freshToken().then(setFresh, () => undefined);
  }, [freshToken]);
  return fresh;
};
