using System.Management.Automation;

namespace StableDiffusion.Tests.Module;

public sealed class PathHelperTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("sd-paths-");
    private readonly ModuleShell _shell = new(typeof(ResolveProbePathCommand));

    public PathHelperTests()
    {
        foreach (string name in (string[])["a1.png", "a2.png", "b[1].png"])
            File.WriteAllText(Full(name), string.Empty);

        // The session's location, which is not the process's.
        _shell.Set("folder", _folder.FullName);
        _shell.Invoke("$null = $ExecutionContext.SessionState.Path.SetLocation($folder)");
    }

    public void Dispose()
    {
        _shell.Dispose();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public void Wildcards_are_resolved_from_the_location_of_the_session() =>
        Assert.Equal([Full("a1.png"), Full("a2.png")], _shell.Invoke("Resolve-ProbePath a*.png").Values<string>().Order());

    [Fact]
    public void A_literal_path_may_have_brackets() =>
        Assert.Equal([Full("b[1].png")], _shell.Invoke("Resolve-ProbePath -LiteralPath 'b[1].png'").Values<string>());

    [Fact]
    public void Objects_with_a_PSPath_bind_to_the_literal_path() =>
        Assert.Equal(
            [Full("b[1].png")],
            _shell.Invoke("[pscustomobject]@{ PSPath = \"Microsoft.PowerShell.Core\\FileSystem::$folder/b[1].png\" } | Resolve-ProbePath").Values<string>());

    [Theory]
    [InlineData("-Path missing.png", "missing.png")]
    [InlineData("-Path z*.png", "z*.png")]
    [InlineData("-Path 'a[.png'", "a[.png")]
    [InlineData("-Path nodrive:/a.png", "nodrive:/a.png")]
    [InlineData("-LiteralPath 'a*.png'", "a*.png")]
    [InlineData("-OutFile nodrive:/a.png", "nodrive:/a.png")]
    public void A_path_that_leads_to_nothing_is_an_error_of_its_own(string arguments, string target) =>
        AssertError("PathNotFound", ErrorCategory.ObjectNotFound, target, _shell.Invoke("Resolve-ProbePath " + arguments));

    [Theory]
    [InlineData("-Path Env:/PATH")]
    [InlineData("-LiteralPath Env:/PATH")]
    [InlineData("-OutFile Env:/PATH")]
    public void A_path_outside_the_file_system_is_refused(string arguments) =>
        AssertError("PathNotFileSystem", ErrorCategory.InvalidArgument, "Env:/PATH", _shell.Invoke("Resolve-ProbePath " + arguments));

    [Fact]
    public void A_bad_path_does_not_keep_the_others_from_their_turn()
    {
        ShellResult result = _shell.Invoke("'a1.png', 'missing.png', 'a2.png' | Resolve-ProbePath");

        Assert.Equal([Full("a1.png"), Full("a2.png")], result.Values<string>());
        Assert.Single(result.Errors);
    }

    [Fact]
    public void A_path_to_write_to_is_taken_as_it_is() =>
        Assert.Equal([Full("new*[1].png")], _shell.Invoke("Resolve-ProbePath -OutFile 'new*[1].png'").Values<string>());

    private string Full(string name) => Path.Combine(_folder.FullName, name);

    private static void AssertError(string id, ErrorCategory category, string target, ShellResult result)
    {
        ErrorRecord record = Assert.Single(result.Errors);
        Assert.Equal(id, record.FullyQualifiedErrorId.Split(',')[0]);
        Assert.Equal(category, record.CategoryInfo.Category);
        Assert.Equal(target, record.TargetObject);
        Assert.Contains(target, record.ToString(), StringComparison.Ordinal);
        Assert.Empty(result.Output);
    }
}
