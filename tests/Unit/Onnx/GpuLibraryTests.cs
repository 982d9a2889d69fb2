using System.Runtime.InteropServices;
using StableDiffusion.Onnx;

namespace StableDiffusion.Tests.Onnx;

/// <summary>NVIDIA's libraries, by files that stand for them: where they are looked for, and what is said of those that are missing.</summary>
public sealed class GpuLibraryTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Dictionary<string, string> _variables = [];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void On_Linux_toolkits_come_first_and_Python_s_packages_after_them()
    {
        _variables["CUDA_PATH"] = _folder["toolkit"];
        _variables["CONDA_PREFIX"] = _folder["conda"];
        _variables["VIRTUAL_ENV"] = _folder["venv"];
        _variables["HOME"] = _folder["home"];
        _variables["PATH"] = string.Join(Path.PathSeparator, _folder["none", "bin"], _folder["python", "bin"]);
        string[] expected =
        [
            Made("toolkit"), Made("toolkit", "lib64"), Made("toolkit", "targets", "x86_64-linux", "lib"),
            Made("local", "cuda"), Made("local", "cuda", "lib64"),
            Made("local", "cuda-13.2"), Made("local", "cuda-13.2", "lib64"), Made("local", "cuda-13.0"), Made("local", "cuda-13.0", "lib64"),
            Made("conda", "lib"),
            Made("venv", "lib", "python3.13", "site-packages", "nvidia", "cu13", "lib"),
            Made("venv", "lib", "python3.13", "site-packages", "nvidia", "cudnn", "lib"),
            Made("venv", "lib", "python3.13", "site-packages", "tensorrt_libs"),
            Made("python", "lib", "python3.12", "dist-packages", "nvidia", "cu13", "lib"),
            Made("home", ".local", "lib", "python3.11", "site-packages", "nvidia", "cudnn", "lib"),
        ];
        Made("local", "cuda-12.8", "lib64");
        Made("python", "bin");
        File.WriteAllText(_folder["python", "bin", "python3"], string.Empty);

        Assert.Equal(expected, Folders(isWindows: false).Installed());
    }

    [Fact]
    public void On_Windows_the_folders_of_programs_are_searched_and_not_those_of_Linux()
    {
        _variables["CUDA_PATH"] = _folder["toolkit"];
        _variables["ProgramFiles"] = _folder["programs"];
        _variables["VIRTUAL_ENV"] = _folder["venv"];
        _variables["APPDATA"] = _folder["data"];
        string[] expected =
        [
            Made("toolkit"), Made("toolkit", "bin", "x64"), Made("toolkit", "bin"),
            Made("programs", "NVIDIA GPU Computing Toolkit", "CUDA", "v13.1"),
            Made("programs", "NVIDIA GPU Computing Toolkit", "CUDA", "v13.1", "bin", "x64"),
            Made("programs", "NVIDIA GPU Computing Toolkit", "CUDA", "v13.1", "bin"),
            Made("programs", "NVIDIA", "CUDNN", "v9.20"),
            Made("programs", "NVIDIA", "CUDNN", "v9.20", "bin"),
            Made("programs", "NVIDIA", "CUDNN", "v9.20", "bin", "13.1", "x64"),
            Made("programs", "NVIDIA", "CUDNN", "v9.20", "bin", "13.1"),
            Made("venv", "Lib", "site-packages", "nvidia", "cu13", "bin", "x86_64"),
            Made("venv", "Lib", "site-packages", "nvidia", "cu13", "bin"),
            Made("venv", "Lib", "site-packages", "nvidia", "cudnn", "bin"),
            Made("data", "Python", "Python313", "site-packages", "nvidia", "cudnn", "bin"),
        ];
        Made("local", "cuda", "lib64");
        Made("programs", "NVIDIA", "CUDNN", "v9.20", "bin", "12.9");

        Assert.Equal(expected, Folders(isWindows: true).Installed());
    }

    [Theory]
    [InlineData("libraries", "libraries")]
    [InlineData("toolkit", "toolkit/lib64")]
    [InlineData("environment", "environment/lib/python3.13/site-packages/nvidia/cu13/lib")]
    [InlineData("packages", "packages/nvidia/cudnn/lib")]
    public void The_variable_names_a_folder_of_libraries_or_one_that_has_some(string named, string expected)
    {
        _variables[GpuLibraryFolders.Variable] = $"{_folder["none"]}{Path.PathSeparator}{_folder[named]}";
        string folder = Made(expected.Split('/'));

        GpuLibraryFolders folders = Folders(isWindows: false);

        Assert.Equal(folder, folders.Preferred()[^1]);
        Assert.Empty(folders.Installed());
    }

    [Fact]
    public void Libraries_are_loaded_from_the_named_folder_and_from_installed_ones()
    {
        _variables[GpuLibraryFolders.Variable] = Made("named");
        _variables["CUDA_PATH"] = Made("toolkit");
        CopyLibrary("named", "sd-test-named.so");
        CopyLibrary("toolkit", "sd-test-installed.so");

        Assert.Null(GpuLibraries.Load([new("sd-test-named.so", "One 1"), new("sd-test-installed.so", "Two 2"), new("sd-test-none.so", "Two 2", IsRequired: false)], Folders(isWindows: false)));
    }

    [Fact]
    public void What_is_loaded_is_found_by_its_name_afterwards()
    {
        string name = OperatingSystem.IsWindows() ? "onnxruntime_providers_shared.dll" : "libonnxruntime_providers_shared.so";
        string library = Path.Combine(AppContext.BaseDirectory, "runtimes", RuntimeInformation.RuntimeIdentifier, "native", name);
        Assert.SkipUnless(File.Exists(library), "ONNX Runtime has no providers in libraries of their own here.");
        Assert.SkipWhen(NativeLibrary.TryLoad(name, out _), "ONNX Runtime has loaded this library already, for a card.");
        File.Copy(library, Path.Combine(Made("named"), name));

        string? problem = null;
        Assert.True(new NativeLibraryFile(name, "One 1").LoadFrom([_folder["named"]], ref problem));

        Assert.True(NativeLibrary.TryLoad(name, out _));
        Assert.Null(problem);
    }

    [Fact]
    public void What_is_missing_is_named_with_the_places_and_what_to_install()
    {
        _variables[GpuLibraryFolders.Variable] = _folder["none"];
        _variables["CUDA_PATH"] = Made("toolkit");

        string? message = GpuLibraries.Load([new("sd-test-a.so", "One 1"), new("sd-test-b.so", "One 1"), new("sd-test-c.so", "Two 2")], Folders(isWindows: false));

        Assert.Equal(
            $"The libraries sd-test-a.so, sd-test-b.so and sd-test-c.so were not found in the system's library path or {_folder["toolkit"]}. " +
            $"STABLEDIFFUSION_CUDA names '{_folder["none"]}', which is not a folder. " +
            "Install One 1 and Two 2, or set STABLEDIFFUSION_CUDA to the folder that contains them.",
            message);
    }

    [Fact]
    public void A_file_that_is_no_library_is_named()
    {
        _variables[GpuLibraryFolders.Variable] = Made("named");
        File.WriteAllText(_folder["named", "sd-test-damaged.so"], "no library");

        string? message = GpuLibraries.Load([new("sd-test-damaged.so", "One 1")], Folders(isWindows: false));

        Assert.StartsWith($"The library '{_folder["named", "sd-test-damaged.so"]}' cannot be loaded: ", message, StringComparison.Ordinal);
        Assert.EndsWith(".", message, StringComparison.Ordinal);
    }

    private GpuLibraryFolders Folders(bool isWindows) =>
        new(name => _variables.GetValueOrDefault(name), isWindows, _folder["local"]);

    private string Made(params string[] parts) => Directory.CreateDirectory(_folder[parts]).FullName;

    /// <summary>Copies a small library that every .NET has and that needs no other one of it.</summary>
    private void CopyLibrary(string folder, string name)
    {
        string library = OperatingSystem.IsWindows() ? "System.IO.Compression.Native.dll" : "libSystem.IO.Compression.Native" + (OperatingSystem.IsMacOS() ? ".dylib" : ".so");
        File.Copy(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), library), _folder[folder, name]);
    }
}
