using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;

namespace StableDiffusion.Onnx;

/// <summary>
/// ONNX Runtime's telemetry, which its official builds have on. On Linux and macOS it keeps an id of the machine and a database
/// of events in the user's cache, and uploads them itself; on Windows it hands events to the system.
/// </summary>
internal static partial class OnnxTelemetry
{
    private const string Variable = "ORT_DISABLE_TELEMETRY";

    /// <summary>
    /// Turns it off on Linux and macOS. ONNX Runtime looks at the variable once, when it is first touched, and its own method
    /// comes too late there. So this runs before anything of the engine, whichever of its types is used first.
    /// </summary>
    [ModuleInitializer]
    [System.Diagnostics.CodeAnalysis.SuppressMessage("Usage", "CA2255", Justification = "Nothing of this library may run before it.")]
    internal static void TurnOff()
    {
        // .NET keeps a copy of the environment, which native code does not see.
        if (!OperatingSystem.IsWindows())
            _ = SetVariable(Variable, "1", overwrite: 1);
    }

    /// <summary>Turns it off on Windows, where there is no variable for it; elsewhere a second lock.</summary>
    /// <param name="environment">The environment, just created.</param>
    public static void TurnOff(OrtEnv environment) => environment.DisableTelemetryEvents();

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetVariable(string name, string value, int overwrite);
}
