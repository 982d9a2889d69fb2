using Microsoft.ML.OnnxRuntime;

namespace StableDiffusion.Onnx;

/// <summary>ONNX Runtime's environment, one per process. It is created here, before the first session, so that it prints nothing and reports nothing.</summary>
internal static class OnnxEnvironment
{
    // Errors are thrown as exceptions; ONNX Runtime would print them to the standard error stream as well.
    private const OrtLoggingLevel Silent = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL;

    /// <summary>A field, because native code calls the delegate, which must not be collected.</summary>
    private static readonly DOrtLoggingFunction s_log = Log;

    private static readonly Lazy<(OrtEnv Environment, bool IsOwn)> s_instance = new(Create);
    private static string? s_lastError;

    /// <summary>The environment, created on first use.</summary>
    public static OrtEnv Instance => s_instance.Value.Environment;

    /// <summary>The version of ONNX Runtime.</summary>
    public static string Version => Instance.GetVersionString();

    /// <summary>The last error that ONNX Runtime logged while errors were kept; it is more precise than the exception. Null if there was none.</summary>
    public static string? LastError => Volatile.Read(ref s_lastError);

    /// <summary>Starts or stops keeping the errors that ONNX Runtime logs. None is printed.</summary>
    /// <param name="keep">Whether to keep them.</param>
    public static void KeepErrors(bool keep)
    {
        if (!s_instance.Value.IsOwn)
            return;

        Volatile.Write(ref s_lastError, null);
        Instance.EnvLogLevel = keep ? OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR : Silent;
    }

    private static (OrtEnv Environment, bool IsOwn) Create()
    {
        // A program that created the environment before has decided what is logged, and about telemetry.
        if (OrtEnv.IsCreated)
            return (OrtEnv.Instance(), false);

        EnvironmentCreationOptions options = new() { logId = nameof(StableDiffusion), logLevel = Silent, loggingFunction = s_log };
        OrtEnv environment = OrtEnv.CreateInstanceWithOptions(ref options);
        OnnxTelemetry.TurnOff(environment);
        return (environment, true);
    }

    private static void Log(nint parameter, OrtLoggingLevel severity, string category, string logId, string location, string message) =>
        Volatile.Write(ref s_lastError, message);
}
