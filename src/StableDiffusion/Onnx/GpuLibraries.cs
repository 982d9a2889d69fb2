using System.Runtime.InteropServices;

namespace StableDiffusion.Onnx;

/// <summary>
/// NVIDIA's libraries, which ONNX Runtime's execution providers for NVIDIA cards need and do not include. They are loaded
/// before the provider, so that it finds them in whatever folder they are.
/// </summary>
internal static class GpuLibraries
{
    private const string Cuda = "CUDA 13";
    private const string Cudnn = "cuDNN 9";
    private const string TensorRt = "TensorRT 10";

    // In the order of their dependencies. On Windows, cuDNN loads its parts by name and would not find them in its own folder.
    private static readonly NativeLibraryFile[] s_cuda = OperatingSystem.IsWindows()
        ?
        [
            new("cudart64_13.dll", Cuda, IsRequired: false),
            new("cublasLt64_13.dll", Cuda),
            new("cublas64_13.dll", Cuda),
            new("nvrtc64_130_0.dll", Cuda, IsRequired: false),
            new("cudnn_graph64_9.dll", Cudnn, IsRequired: false),
            new("cudnn_ops64_9.dll", Cudnn, IsRequired: false),
            new("cudnn_heuristic64_9.dll", Cudnn, IsRequired: false),
            new("cudnn_cnn64_9.dll", Cudnn, IsRequired: false),
            new("cudnn_adv64_9.dll", Cudnn, IsRequired: false),
            new("cudnn_engines_precompiled64_9.dll", Cudnn, IsRequired: false),
            new("cudnn_engines_runtime_compiled64_9.dll", Cudnn, IsRequired: false),
            new("cudnn64_9.dll", Cudnn),
        ]
        :
        [
            new("libcudart.so.13", Cuda),
            new("libcublasLt.so.13", Cuda),
            new("libcublas.so.13", Cuda),
            new("libcurand.so.10", Cuda),
            new("libnvrtc.so.13", Cuda, IsRequired: false),
            new("libcudnn.so.9", Cudnn),
        ];

    private static readonly NativeLibraryFile[] s_tensorRt = OperatingSystem.IsWindows()
        ? [new("nvinfer_10.dll", TensorRt), new("nvonnxparser_10.dll", TensorRt)]
        : [new("libnvinfer.so.10", TensorRt), new("libnvonnxparser.so.10", TensorRt)];

    private static string Driver => OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1";

    /// <summary>Loads the libraries for a kind of device.</summary>
    /// <param name="kind">The kind; only NVIDIA's need libraries.</param>
    /// <returns>What is missing and what to do, in sentences; null if everything is loaded.</returns>
    public static string? Load(DeviceKind kind)
    {
        if (kind is not (DeviceKind.Cuda or DeviceKind.TensorRt))
            return null;

        // Without a driver there is no card, whatever else is installed.
        if (!NativeLibrary.TryLoad(Driver, out _))
            return $"The library {Driver} was not found. It comes with the driver of an NVIDIA card.";

        GpuLibraryFolders folders = new(Environment.GetEnvironmentVariable, OperatingSystem.IsWindows());
        return Load(kind == DeviceKind.Cuda ? s_cuda : [.. s_cuda, .. s_tensorRt], folders);
    }

    /// <summary>Loads libraries from the folders where they are found.</summary>
    /// <param name="libraries">The libraries, each after its dependencies.</param>
    /// <param name="folders">The folders to search besides the system's library path.</param>
    /// <returns>What is missing and what to do, in sentences; null if everything is loaded.</returns>
    internal static string? Load(IReadOnlyList<NativeLibraryFile> libraries, GpuLibraryFolders folders)
    {
        IReadOnlyList<string> preferred = folders.Preferred();
        Lazy<IReadOnlyList<string>> installed = new(folders.Installed);
        List<NativeLibraryFile> missing = [];
        List<string> sentences = [];
        foreach (NativeLibraryFile library in libraries)
        {
            string? problem = null;
            bool isLoaded = library.LoadFrom(preferred, ref problem)
                || NativeLibrary.TryLoad(library.Name, out _)
                || library.LoadFrom(installed.Value, ref problem);
            if (isLoaded || !library.IsRequired)
                continue;
            if (problem is null)
                missing.Add(library);
            else
                sentences.Add(problem);
        }

        if (missing.Count + sentences.Count == 0)
            return null;

        if (missing.Count > 0)
        {
            string places = Listed([.. preferred, "the system's library path", .. installed.Value], "or");
            sentences.Add(missing.Count == 1
                ? $"The library {missing[0].Name} was not found in {places}."
                : $"The libraries {Listed([.. missing.Select(library => library.Name)], "and")} were not found in {places}.");
            sentences.AddRange(folders.Named.Where(folder => !Directory.Exists(folder))
                .Select(folder => $"{GpuLibraryFolders.Variable} names '{folder}', which is not a folder."));
            sentences.Add($"Install {Listed([.. missing.Select(library => library.Product).Distinct()], "and")}, or set {GpuLibraryFolders.Variable} to the folder that contains {(missing.Count == 1 ? "it" : "them")}.");
        }

        return string.Join(' ', sentences);
    }

    private static string Listed(string[] words, string conjunction) =>
        words.Length == 1 ? words[0] : $"{string.Join(", ", words[..^1])} {conjunction} {words[^1]}";
}
