namespace StableDiffusion.Onnx;

/// <summary>
/// The folders that may contain NVIDIA's libraries besides the system's library path: those that the user names, toolkits, and
/// the packages of pip and conda.
/// </summary>
/// <param name="variable">Reads an environment variable; null or empty if it is not set.</param>
/// <param name="isWindows">Whether to search for the layouts of Windows rather than those of Linux.</param>
/// <param name="local">The folder of manually installed toolkits on Linux.</param>
internal sealed class GpuLibraryFolders(Func<string, string?> variable, bool isWindows, string local = "/usr/local")
{
    /// <summary>The environment variable that names one or more folders, separated by the system's path separator.</summary>
    public const string Variable = "STABLEDIFFUSION_CUDA";

    private static readonly EnumerationOptions s_enumeration = new() { MatchCasing = MatchCasing.CaseInsensitive };

    /// <summary>The folders in the environment variable, unchanged.</summary>
    public IReadOnlyList<string> Named { get; } =
        variable(Variable)?.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [];

    /// <summary>The library folders for the environment variable, which may name library folders, a toolkit, a folder of Python packages, or a Python environment.</summary>
    /// <returns>Existing folders, in search order.</returns>
    public IReadOnlyList<string> Preferred() =>
        Existing(Named.SelectMany(folder => (string[])[.. ToolkitFolders(folder), .. PackageFolders(folder), .. PythonFolders(folder)]));

    /// <summary>The library folders in all other places.</summary>
    /// <returns>Existing folders, in search order.</returns>
    public IReadOnlyList<string> Installed() =>
        Existing([.. Toolkits().SelectMany(ToolkitFolders), .. CudnnFolders(), .. CondaFolders(), .. Pythons().SelectMany(PythonFolders), .. UserPackages().SelectMany(PackageFolders)]);

    private static IReadOnlyList<string> Existing(IEnumerable<string> folders) =>
        [.. folders.Where(Directory.Exists).Select(Path.GetFullPath).Distinct(StringComparer.Ordinal)];

    private IEnumerable<string> Toolkits() =>
    [
        .. Values("CUDA_PATH", "CUDA_HOME"),
        .. isWindows ? Matches(ProgramFiles("NVIDIA GPU Computing Toolkit", "CUDA"), "v13*") : [Path.Combine(local, "cuda"), .. Matches(local, "cuda-13*")],
    ];

    private IEnumerable<string> ToolkitFolders(string toolkit) => isWindows
        ? [toolkit, Path.Combine(toolkit, "bin", "x64"), Path.Combine(toolkit, "bin")]
        : [toolkit, Path.Combine(toolkit, "lib64"), Path.Combine(toolkit, "lib"), Path.Combine(toolkit, "targets", "x86_64-linux", "lib")];

    /// <summary>The folders of cuDNN, which has its own folder on Windows, with one for each version of CUDA.</summary>
    private IEnumerable<string> CudnnFolders()
    {
        IEnumerable<string> roots = Values("CUDNN_PATH");
        if (isWindows)
            roots = roots.Concat(Matches(ProgramFiles("NVIDIA", "CUDNN"), "v9*"));
        return roots.SelectMany(root => ToolkitFolders(root).Concat(
            Matches(Path.Combine(root, "bin"), "13*").SelectMany(folder => (string[])[Path.Combine(folder, "x64"), folder])));
    }

    private IEnumerable<string> CondaFolders() =>
        Values("CONDA_PREFIX").Select(prefix => isWindows ? Path.Combine(prefix, "Library", "bin") : Path.Combine(prefix, "lib"));

    /// <summary>Python environments: the active ones, and those of the programs in the path.</summary>
    private IEnumerable<string> Pythons()
    {
        string program = isWindows ? "python.exe" : "python3";
        IEnumerable<string> programFolders = (variable("PATH") ?? string.Empty)
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Where(folder => File.Exists(Path.Combine(folder, program)));
        return Values("VIRTUAL_ENV", "CONDA_PREFIX")
            .Concat(programFolders.SelectMany(folder => isWindows ? (string[])[folder, Path.Combine(folder, "..")] : [Path.Combine(folder, "..")]))
            .Concat(isWindows ? [] : [.. Values("HOME").Select(home => Path.Combine(home, ".local")), local]);
    }

    private IEnumerable<string> PythonFolders(string environment)
    {
        IEnumerable<string> packages = isWindows
            ? [Path.Combine(environment, "Lib", "site-packages")]
            : Matches(Path.Combine(environment, "lib"), "python3*").SelectMany(library => (string[])[Path.Combine(library, "site-packages"), Path.Combine(library, "dist-packages")]);
        return packages.SelectMany(PackageFolders);
    }

    private IEnumerable<string> UserPackages() =>
        isWindows ? Values("APPDATA").SelectMany(data => Matches(Path.Combine(data, "Python"), "Python3*")).Select(python => Path.Combine(python, "site-packages")) : [];

    /// <summary>The packages of CUDA 13 share one folder; those of cuDNN, and of earlier CUDA versions, have one each. TensorRT has a differently named one.</summary>
    private IEnumerable<string> PackageFolders(string packages)
    {
        string nvidia = Path.Combine(packages, "nvidia");
        string library = isWindows ? "bin" : "lib";
        return
        [
            .. isWindows ? [Path.Combine(nvidia, "cu13", library, "x86_64")] : Array.Empty<string>(),
            Path.Combine(nvidia, "cu13", library),
            .. Matches(nvidia, "*").Select(package => Path.Combine(package, library)),
            Path.Combine(packages, "tensorrt_libs"),
        ];
    }

    private IEnumerable<string> Values(params IEnumerable<string> names) =>
        names.Select(variable).Where(value => !string.IsNullOrWhiteSpace(value)).Select(value => value!);

    private string ProgramFiles(params ReadOnlySpan<string> parts) =>
        Path.Combine([variable("ProgramFiles") ?? string.Empty, .. parts]);

    /// <summary>The folders that match a pattern, newest first.</summary>
    private static IEnumerable<string> Matches(string folder, string pattern) => Directory.Exists(folder)
        ? Directory.EnumerateDirectories(folder, pattern, s_enumeration).OrderDescending(StringComparer.OrdinalIgnoreCase)
        : [];
}
