using System.Runtime.InteropServices;

namespace StableDiffusion.Storage;

/// <summary>Gives a complete file its name in one operation that only one of several writers can do, also on a shared folder.</summary>
internal static partial class HardLink
{
    /// <summary>Gives a file a second name.</summary>
    /// <param name="path">The file.</param>
    /// <param name="name">The full path that it gets.</param>
    /// <returns>False if that name is taken, or the file system has no links.</returns>
    public static bool TryCreate(string path, string name) => Link(path, name) == 0;

    // The runtime's own function; .NET offers it nowhere else. Source: POSIX, link().
    [LibraryImport("libSystem.Native", EntryPoint = "SystemNative_Link", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Link(string source, string linkTarget);
}
