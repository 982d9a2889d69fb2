namespace StableDiffusion.Onnx;

/// <summary>
/// Keeps the threads of this process apart that use an NVIDIA card: while one records a run, CUDA refuses the calls of the others
/// that allocate or release memory. It does not see other programs, nor other users of CUDA in this process.
/// </summary>
/// <remarks>CUDA calls it the global mode of a capture, in which ONNX Runtime records. Only <see cref="RunRecorder"/> records.</remarks>
internal static class CardGate
{
    private static readonly ReaderWriterLockSlim s_lock = new(LockRecursionPolicy.SupportsRecursion);

    /// <summary>Uses a device while no run is recorded. On other devices than NVIDIA cards nothing is waited for.</summary>
    /// <param name="device">The device.</param>
    /// <param name="use">Uses it, on this thread.</param>
    /// <returns>What it returns.</returns>
    public static T Use<T>(Device device, Func<T> use)
    {
        if (device.Kind is not (DeviceKind.Cuda or DeviceKind.TensorRt))
            return use();
        s_lock.EnterReadLock();
        try
        {
            return use();
        }
        finally
        {
            s_lock.ExitReadLock();
        }
    }

    /// <summary>Records a run while nothing else uses a card.</summary>
    /// <param name="record">Records it, on this thread, which must not be using a card.</param>
    public static void Record(Action record)
    {
        s_lock.EnterWriteLock();
        try
        {
            record();
        }
        finally
        {
            s_lock.ExitWriteLock();
        }
    }

    /// <summary>Something that is released while no run is recorded.</summary>
    /// <param name="device">Its device.</param>
    /// <param name="used">What is released.</param>
    public sealed class Kept(Device device, IDisposable used) : IDisposable
    {
        public void Dispose() => Use(device, () =>
        {
            used.Dispose();
            return true;
        });
    }
}
