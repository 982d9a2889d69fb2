using StableDiffusion.Storage;

namespace SdPowerShell.Parameters;

/// <summary>An output file.</summary>
/// <param name="path">Its full path; if the name is generated, one that is free at this time.</param>
/// <param name="unnumbered">The full path without a number if the name is generated; null if the user chose the name.</param>
internal sealed class OutputTarget(string path, string? unnumbered = null)
{
    /// <summary>The full path. If the name is generated, another program may still use it first; the output then gets the next number.</summary>
    public string Path => path;

    /// <summary>Whether the name is generated, so that another one is found if it is taken meanwhile.</summary>
    public bool IsGenerated => unnumbered is not null;

    /// <summary>Creates the folder of the file and its parent folders.</summary>
    public void CreateFolder() => OutputFile.CreateFolder(path);

    /// <summary>Writes the file.</summary>
    /// <param name="write">Writes to a path; if told so, under the next numbered name where that is taken.</param>
    /// <returns>The full path of the file that was written.</returns>
    public string Write(Func<string, bool, string> write) => write(unnumbered ?? path, unnumbered is not null);
}
