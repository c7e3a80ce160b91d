const KEY = 'waybill.token';

/** The token of this tab: gone when the tab closes, and never in a cookie or in an address. */
export const session = {
  read: () => sessionStorage.getItem(KEY),
  /** @param {string} token */
  keep: (token) => sessionStorage.setItem(KEY, token),
  forget: () => sessionStorage.removeItem(KEY),
};

/** The token of a link `/#token=…`, which is taken out of the address bar; null when there is none. */
export const tokenFromAddress = () => {
  const token = new URLSearchParams(location.hash.slice(1)).get('token');
  if (token !== null) history.replaceState(null, '', location.pathname + location.search);
  return token?.trim() || null;
};
