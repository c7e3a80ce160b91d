/** `waybill/client` in browsers. Nothing that it imports may need Node. */

import { browserPlatform } from './browser/browser-platform.ts';
import { GatewayClient, type WaybillOptions } from './gateway-client.ts';

/** A client of the gateway at `url`. Throws `TypeError` when that is no address. */
export class Waybill extends GatewayClient {
  constructor(options: WaybillOptions) {
    super(options, browserPlatform);
  }
}

export type { DeletedFile } from '../api/deleted-file.ts';
export type { EventObject } from '../api/event-object.ts';
export type { FileList } from '../api/file-list.ts';
export type { DeliveryObject, FileObject } from '../api/file-object.ts';
export type { PassList, PassObject } from '../api/pass-object.ts';
export type { ProviderObject } from '../api/provider-object.ts';
export type { QuotaObject } from '../api/quota-object.ts';
export type { StatisticsObject } from '../api/statistics-object.ts';
export type { UploadUrlObject } from '../api/upload-url-object.ts';
export { browserResumeStore } from './browser/browser-resume-store.ts';
export { ClientError, type ClientErrorCode } from './client-error.ts';
export type { EventQuery } from './events.ts';
export type { Content, ContentQuery, ListQuery } from './files.ts';
export type { WantedUploadUrl, WaybillOptions } from './gateway-client.ts';
export type { PassListQuery, WantedPass } from './passes.ts';
export type { ResumeStore } from './resume-store.ts';
export type { Settling } from './settled.ts';
export type { StatisticsQuery } from './statistics.ts';
export type { KnownUpload } from './upload-known.ts';
export type { RangedSource, UploadOptions, UploadProgress, UploadSource } from './upload-options.ts';
