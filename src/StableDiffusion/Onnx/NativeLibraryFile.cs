using System.Runtime.InteropServices;

namespace StableDiffusion.Onnx;

/// <summary>A native library that an execution provider is linked to, or opens by its name.</summary>
/// <param name="Name">The file's name.</param>
/// <param name="Product">What has to be installed for it, such as <c>CUDA 13</c>.</param>
/// <param name="IsRequired">Whether the provider cannot do without it. The others are loaded where they are found.</param>
internal sealed record NativeLibraryFile(string Name, string Product, bool IsRequired = true)
{
    /// <summary>
    /// Loads the library for as long as the process lives. What is loaded is found by its name alone from then on, also by
    /// a library that is linked to it.
    /// </summary>
    /// <param name="folders">The folders to look in, the best first.</param>
    /// <param name="problem">Set to what is wrong with the first file that cannot be loaded, as a sentence, if it is null.</param>
    /// <returns>Whether it is loaded.</returns>
    public bool LoadFrom(IEnumerable<string> folders, ref string? problem)
    {
        foreach (string path in folders.Select(folder => Path.Combine(folder, Name)).Where(File.Exists))
        {
            try
            {
                NativeLibrary.Load(path);
                return true;
            }
            catch (Exception error) when (error is DllNotFoundException or BadImageFormatException)
            {
                // The last line is the system loader's own; those before are .NET's advice.
                string cause = error.Message.Trim().Split('\n')[^1].Trim();
                problem ??= $"The library '{path}' cannot be loaded: {cause.TrimEnd('.')}.";
            }
        }

        return false;
    }
}
