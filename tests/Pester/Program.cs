using Microsoft.Testing.Platform.Builder;
using Microsoft.Testing.Platform.Capabilities.TestFramework;

namespace StableDiffusion.Pester;

/// <summary>The test application: Microsoft.Testing.Platform over <see cref="PesterFramework"/>.</summary>
internal static class Program
{
    private static async Task<int> Main(string[] arguments)
    {
        ITestApplicationBuilder builder = await TestApplication.CreateBuilderAsync(arguments);
        builder.RegisterTestFramework(_ => new TestFrameworkCapabilities(), (_, _) => new PesterFramework());
        using ITestApplication application = await builder.BuildAsync();
        return await application.RunAsync();
    }
}
