using System.Runtime.InteropServices;

namespace StableDiffusion.Batches.Claims;

/// <summary>
/// Listens to the signals by which a scheduler asks a process to end: SIGTERM, and SIGUSR1, which Slurm can send some time
/// before. A second SIGTERM ends the process at once.
/// </summary>
internal sealed class Interruption : IDisposable
{
    // Source: <signal.h> of Linux, and of macOS and FreeBSD.
    private const int UserSignalOfLinux = 10;
    private const int UserSignalOfOthers = 30;

    private readonly List<PosixSignalRegistration> _registrations = [];
    private volatile string? _signal;

    /// <summary>The signal that came; null if none did.</summary>
    public string? Signal => _signal;

    /// <summary>Begins to listen, until it is disposed.</summary>
    public static Interruption Listen()
    {
        Interruption interruption = new();
        interruption._registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => interruption.Take(context, "SIGTERM")));
        if (!OperatingSystem.IsWindows())
            interruption._registrations.Add(PosixSignalRegistration.Create((PosixSignal)(OperatingSystem.IsLinux() ? UserSignalOfLinux : UserSignalOfOthers), context => interruption.Take(context, "SIGUSR1")));
        return interruption;
    }

    /// <summary>Ends the work as if a signal had come.</summary>
    /// <param name="signal">The name of the signal.</param>
    public void Request(string signal) => _signal ??= signal;

    /// <summary>Throws if a signal came.</summary>
    /// <param name="kept">What of the image that is being made was kept, as a sentence; null for nothing.</param>
    /// <exception cref="WorkInterruptedException">A signal came.</exception>
    public void Check(string? kept = null)
    {
        if (_signal is string signal)
            throw new WorkInterruptedException($"The work was ended by {signal}.{(kept is null ? string.Empty : $" {kept}")} Run the same command again to go on.");
    }

    /// <inheritdoc/>
    public void Dispose() => _registrations.ForEach(static registration => registration.Dispose());

    private void Take(PosixSignalContext context, string signal)
    {
        context.Cancel = _signal is null || context.Signal != PosixSignal.SIGTERM;
        Request(signal);
    }
}
