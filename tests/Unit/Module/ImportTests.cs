namespace StableDiffusion.Tests.Module;

public sealed class ImportTests
{
    [Fact]
    public void The_module_can_be_imported()
    {
        using ModuleShell shell = new();
        Assert.Equal("StableDiffusion", shell.Invoke("(Get-Module StableDiffusion).Name").Text);
    }

    [Fact]
    public async Task Child()
    {
        ShellProcess.Result result = await ShellProcess.Run("(Get-Module StableDiffusion).Name");
        Assert.Equal("StableDiffusion", result.Output);
        Assert.Equal(0, result.ExitCode);
    }
}
