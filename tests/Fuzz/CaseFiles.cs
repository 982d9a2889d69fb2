using System.Globalization;
using System.IO.Hashing;
using System.Text;
using StableDiffusion.Tests;

namespace StableDiffusion.Fuzz;

/// <summary>The files of cases: those that were found by a run, and those that the repository keeps.</summary>
internal static class CaseFiles
{
    /// <summary>The folder of the cases that a run finds.</summary>
    public static string Found { get; } = Path.Combine(Repository.Root, "out", "fuzz");

    /// <summary>The cases that have shown a fault which is mended.</summary>
    public static IEnumerable<string> Committed(FuzzTarget target)
    {
        string folder = Path.Combine(Repository.Root, "tests", "Fuzz", "cases", target.Name);
        return Directory.Exists(folder) ? Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal) : [];
    }

    /// <summary>Keeps a case.</summary>
    /// <param name="target">The target.</param>
    /// <param name="seed">The seed of the run.</param>
    /// <param name="data">The case.</param>
    /// <param name="result">What the reader did with it.</param>
    /// <returns>The path of its file; what it shows is beside it.</returns>
    public static string Save(FuzzTarget target, long seed, byte[] data, CaseResult result)
    {
        string name = string.Create(CultureInfo.InvariantCulture, $"{target.Name}-{seed}-{XxHash3.HashToUInt64(data):x16}");
        string folder = Directory.CreateDirectory(Path.Combine(Found, target.Name)).FullName;
        string path = Path.Combine(folder, name + ".bin");
        File.WriteAllBytes(path, data);
        File.WriteAllBytes(Path.Combine(folder, name + ".txt"), Encoding.UTF8.GetBytes($"{result.Kind}\n{result.Site}\n{result.Detail}\n"));
        return path;
    }

    /// <summary>The target that a case was found with, by its folder.</summary>
    public static string TargetOf(string path) => Path.GetFileName(Path.GetDirectoryName(Path.GetFullPath(path)))!;
}
