/** Something that happened on the platform; everybody may hear it. */
export interface PlatformEvent {
  readonly reason: string;
  readonly message: string;
  readonly chuteId: string | undefined;
}

export interface EventHandlers {
  readonly onEvent: (event: PlatformEvent) => void;
  readonly onConnected: (isConnected: boolean) => void;
}

interface WireEvent {
  readonly reason?: string;
  readonly message?: string;
  readonly data?: { readonly chute_id?: string };
}

/** Listens until the returned function is called; connects again by itself. */
export function listenToEvents(url: string, { onEvent, onConnected }: EventHandlers): () => void {
  let isClosed = false;
  let close = (): void => undefined;
  const open = async (): Promise<void> => {
    const { io } = await import("socket.io-client");
    if (isClosed) return;
    const socket = io(url, { transports: ["websocket"], reconnectionDelayMax: 15_000 });
    socket.on("connect", () => onConnected(true));
    socket.on("disconnect", () => onConnected(false));
    socket.on("connect_error", () => onConnected(false));
    socket.on("events", (event: WireEvent) => onEvent(eventOf(event)));
    close = () => void socket.disconnect();
  };
  open().catch(() => onConnected(false));
  return () => {
    isClosed = true;
    close();
  };
}

function eventOf({ reason = "", message = "", data }: WireEvent): PlatformEvent {
  return { reason, message, chuteId: data?.chute_id };
}
