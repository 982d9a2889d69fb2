namespace StableDiffusion.Onnx;

/// <summary>
/// Keeps the threads of this process apart that use an NVIDIA card: while one records a run, CUDA refuses the calls of the others
/// that allocate or release memory. It does not see other programs, nor other users of CUDA in this process.
/// </summary>
/// <remarks>CUDA calls it the global mode of a capture, in which ONNX Runtime records. Only <see cref="RunRecorder"/> records.</remarks>
internal static class CardGate
{
    private static readonly ReaderWriterLockSlim s_lock = new(LockRecursionPolicy.SupportsRecursion);

    /// <summary>Begins to use a device, when no run is being recorded. On other devices than NVIDIA cards nothing is waited for.</summary>
    /// <param name="device">The device.</param>
    /// <returns>Dispose it on this thread, when the use ends.</returns>
    public static Entry Enter(Device device)
    {
        bool isCard = device.Kind is DeviceKind.Cuda or DeviceKind.TensorRt;
        if (isCard)
            s_lock.EnterReadLock();
        return new Entry(isCard, isAlone: false);
    }

    /// <summary>Begins to record a run, when nothing else uses a card. This thread must not be using one.</summary>
    /// <returns>Dispose it on this thread, when the run is recorded.</returns>
    public static Entry EnterAlone()
    {
        s_lock.EnterWriteLock();
        return new Entry(isCard: true, isAlone: true);
    }

    /// <summary>The use of a card, until it is disposed.</summary>
    public readonly ref struct Entry(bool isCard, bool isAlone)
    {
        /// <summary>Ends the use.</summary>
        public void Dispose()
        {
            if (isAlone)
                s_lock.ExitWriteLock();
            else if (isCard)
                s_lock.ExitReadLock();
        }
    }

    /// <summary>Something that is released while no run is recorded.</summary>
    /// <param name="device">Its device.</param>
    /// <param name="used">What is released.</param>
    public sealed class Kept(Device device, IDisposable used) : IDisposable
    {
        public void Dispose()
        {
            using Entry _ = Enter(device);
            used.Dispose();
        }
    }
}
