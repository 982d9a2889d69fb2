using System.Reflection;

namespace StableDiffusion.Metadata;

/// <summary>How this library names itself in the infotext that it writes.</summary>
internal static class ProductVersion
{
    private const string Name = "StableDiffusion.PowerShell";

    /// <summary>The library's name and version.</summary>
    public static string Text { get; } = $"{Name} {Number()}";

    /// <summary>Whether a version is this library's, of whatever number.</summary>
    /// <param name="version">The infotext's <c>Version</c>.</param>
    public static bool IsOwn(string version) =>
        version.StartsWith(Name, StringComparison.OrdinalIgnoreCase) && (version.Length == Name.Length || version[Name.Length] == ' ');

    // Behind the '+' stands the commit, which says nothing to others.
    private static string Number()
    {
        Assembly assembly = typeof(ProductVersion).Assembly;
        string? version = assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion;
        return (version ?? assembly.GetName().Version!.ToString(fieldCount: 3)).Split('+')[0];
    }
}
