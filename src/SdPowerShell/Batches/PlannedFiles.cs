namespace SdPowerShell.Batches;

/// <summary>The files that the rows of a trial would have written so far, each with the hash of its settings.</summary>
internal sealed class PlannedFiles
{
    private readonly Dictionary<string, string?> _files = new(OperatingSystem.IsLinux() ? StringComparer.Ordinal : StringComparer.OrdinalIgnoreCase);

    /// <summary>Adds a file.</summary>
    /// <param name="path">Its full path.</param>
    /// <param name="settings">The hash of the settings of its image; may be null.</param>
    /// <param name="earlier">The hash of the earlier one.</param>
    /// <returns>False if an earlier row has the file.</returns>
    public bool TryAdd(string path, string? settings, out string? earlier) => !_files.TryGetValue(path, out earlier) && _files.TryAdd(path, settings);
}
