using StableDiffusion.Storage;

namespace StableDiffusion.Tests.Storage;

public sealed class RealPathTests
{
    [Theory]
    [InlineData("a/b.png", "a", true)]
    [InlineData("ab/b.png", "a", false)]
    [InlineData("a", "a", false)]
    [InlineData("a/b.png", "", true)]
    public void A_path_is_inside_of_a_folder_above_it_and_of_the_root(string path, string folder, bool isInside)
    {
        string root = Path.GetPathRoot(Path.GetFullPath("."))!;
        Assert.Equal(isInside, RealPath.IsInside(Path.GetFullPath(Path.Combine(root, path)), Path.Combine(root, folder)));
    }
}
