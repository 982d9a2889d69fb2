using System.Runtime.InteropServices;

namespace StableDiffusion.Onnx;

/// <summary>A native library that an execution provider is linked to, or loads by its name.</summary>
/// <param name="Name">The file's name.</param>
/// <param name="Product">The product to install for it, such as <c>CUDA 13</c>.</param>
/// <param name="IsRequired">Whether the provider requires it. Other libraries are loaded if they are found.</param>
internal sealed record NativeLibraryFile(string Name, string Product, bool IsRequired = true)
{
    /// <summary>
    /// Loads the library for the lifetime of the process. From then on it is found by its name alone, also by libraries that are
    /// linked to it.
    /// </summary>
    /// <param name="folders">The folders to search, in order.</param>
    /// <param name="problem">If null, set to a sentence about the first file that cannot be loaded.</param>
    /// <returns>Whether it was loaded.</returns>
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
                // The last line is the message of the system's loader; those before are advice by .NET.
                string cause = error.Message.Trim().Split('\n')[^1].Trim();
                problem ??= $"The library '{path}' cannot be loaded: {cause.TrimEnd('.')}.";
            }
        }

        return false;
    }
}
