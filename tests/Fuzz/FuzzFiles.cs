namespace StableDiffusion.Fuzz;

/// <summary>A folder of this process for the files that readers are given.</summary>
internal static class FuzzFiles
{
    private static readonly string s_root = Create();

    /// <summary>The path of a file in the folder.</summary>
    /// <param name="parts">The folders and the name.</param>
    public static string PathOf(params string[] parts)
    {
        string path = Path.Combine([s_root, .. parts]);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        return path;
    }

    /// <summary>Writes a file.</summary>
    /// <param name="data">Its bytes.</param>
    /// <param name="parts">The folders and the name.</param>
    /// <returns>Its path.</returns>
    public static string Write(byte[] data, params string[] parts)
    {
        string path = PathOf(parts);
        File.WriteAllBytes(path, data);
        return path;
    }

    private static string Create()
    {
        string root = Directory.CreateTempSubdirectory("sd-fuzz-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(root, recursive: true);
        return root;
    }
}
