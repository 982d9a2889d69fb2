namespace StableDiffusion.Onnx;

/// <summary>A folder that TensorRT keeps the engines of one graph in. It is filled while the graph runs first.</summary>
/// <param name="path">The full path of the folder.</param>
/// <param name="held">Keeps the folder from being deleted; disposed with this object.</param>
internal sealed class EngineFolder(string path, IDisposable held) : IDisposable
{
    // Engines, the sizes that they are good for, and the times of operators that building them measured.
    private static readonly string[] s_endings = [".engine", ".profile", ".timing"];

    private const string FaultName = "failed";

    /// <summary>The full path of the folder.</summary>
    public string Path { get; } = path;

    /// <summary>Whether it held engines of an earlier session when this object was made.</summary>
    public bool HasEngines { get; } = Directory.EnumerateFiles(path).Any(static file => s_endings.Contains(System.IO.Path.GetExtension(file), StringComparer.OrdinalIgnoreCase));

    /// <summary>Whether it is to be deleted before its graph is opened again, by this process or another one.</summary>
    public bool IsFaulty => File.Exists(FaultPath);

    private string FaultPath => System.IO.Path.Combine(Path, FaultName);

    /// <summary>Has it deleted before its graph is opened again.</summary>
    public void MarkFaulty()
    {
        try
        {
            File.Create(FaultPath).Dispose();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Then it is used again; a run that fails tries this once more.
        }
    }

    public void Dispose() => held.Dispose();
}
