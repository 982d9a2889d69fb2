using System.Reflection;

namespace StableDiffusion.Settings;

/// <summary>The name and the version of this library, as images record them.</summary>
internal static class ProductVersion
{
    private const string Name = "StableDiffusion.PowerShell";

    /// <summary>The library's name and version.</summary>
    public static string Text { get; } = $"{Name} {Number()}";

    /// <summary>Whether a version is any version of this library.</summary>
    /// <param name="version">The infotext's <c>Version</c>.</param>
    public static bool IsOwn(string version) =>
        version.StartsWith(Name, StringComparison.OrdinalIgnoreCase) && (version.Length == Name.Length || version[Name.Length] == ' ');

    // After the '+' is the commit, which is of no use to others.
    private static string Number()
    {
        Assembly assembly = typeof(ProductVersion).Assembly;
        string? version = assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion;
        return (version ?? assembly.GetName().Version!.ToString(fieldCount: 3)).Split('+')[0];
    }
}
