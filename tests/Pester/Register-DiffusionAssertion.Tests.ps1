BeforeAll {
    . "$PSScriptRoot/common.ps1"
    Register-DiffusionAssertion
    $image = New-DiffusionImage 'a red house' -Seed 1 -Steps 2
    $other = New-DiffusionImage 'a red house' -Seed 1 -Steps 3

    # The message of an assertion that fails.
    function Get-Failure([scriptblock] $Assertion) {
        try { & $Assertion }
        catch { return $_.Exception.Message }
        throw 'The assertion did not fail.'
    }
}

Describe 'Register-DiffusionAssertion' {
    It 'can be called again' {
        Register-DiffusionAssertion
        Register-DiffusionAssertion | Should -BeNullOrEmpty
    }

    It 'can be called again after the module was imported again' {
        . "$PSScriptRoot/common.ps1"
        Register-DiffusionAssertion
        $image | Should -BeDiffusionImage $image
    }

    It 'shows its examples as those of the operators' {
        (Get-ShouldOperator BeDiffusionImage).Help.examples.example | Should -Not -BeNullOrEmpty
    }
}

Describe 'Should -BeDiffusionImage' {
    BeforeEach {
        $folder = (New-Item -ItemType Directory -Path (Join-Path $TestDrive (New-Guid))).FullName
        Push-Location -LiteralPath $folder
        $image | Export-DiffusionImage golden.png
    }

    AfterEach {
        $env:STABLEDIFFUSION_UPDATE_GOLDEN = $null
        Pop-Location
    }

    It 'takes <Name>' -ForEach @(
        @{ Name = 'an image'; Get = { $image } }
        @{ Name = 'a path'; Get = { 'golden.png' } }
        @{ Name = 'a file'; Get = { Get-Item golden.png } }
        @{ Name = 'a path of another drive'; Get = { Copy-Item golden.png TestDrive:\copy.png; 'TestDrive:\copy.png' } }
    ) {
        & $Get | Should -BeDiffusionImage golden.png
        & $Get | Should -BeDiffusionImage (Get-Item golden.png)
        & $Get | Should -BeDiffusionImage $image
        & $Get | Should -Not -BeDiffusionImage $other
    }

    It 'tests each image of the pipeline' {
        $image, $image | Should -BeDiffusionImage golden.png
        { $image, $other | Should -BeDiffusionImage golden.png } | Should -Throw
    }

    It 'fails with the numbers, the settings, and a picture of the difference' {
        $message = Get-Failure { $other | Should -BeDiffusionImage golden.png -Because 'it is the same house' }
        $message | Should -BeLike "Expected the image to be equal to the golden image '${folder}?golden.png', because it is the same house, but * of 4096 pixels differ: PSNR *.* dB, SSIM 0.*, largest difference *, within *x* at *,*. These settings differ: Steps (2, 3).*"
        $message | Should -BeLike '*STABLEDIFFUSION_UPDATE_GOLDEN set to 1.'
        $message -match '(?m)side by side: (.*)$' | Should -BeTrue
        $sheet = $Matches[1].Trim()
        $sheet | Should -Not -BeLike "$folder*"
        [System.IO.Path]::GetFileName($sheet) | Should -Be 'golden.difference.png'
        (Compare-DiffusionImage $sheet (Compare-DiffusionImage golden.png $other).SideBySide).DifferentPixels | Should -Be 0
        Remove-Item -LiteralPath (Split-Path $sheet) -Recurse
    }

    It 'tolerates what <Name> allows' -ForEach @(
        @{ Name = 'Psnr'; Tolerance = @{ Psnr = 1 } }
        @{ Name = 'Ssim'; Tolerance = @{ Ssim = 0.01 } }
        @{ Name = 'both'; Tolerance = @{ Psnr = 1; Ssim = 0.01 } }
    ) {
        $other | Should -BeDiffusionImage golden.png @Tolerance
        Get-Failure { $other | Should -Not -BeDiffusionImage golden.png @Tolerance } | Should -BeLike 'Expected the image not to have a*'
    }

    It 'does not tolerate what <Name> forbids' -ForEach @(
        @{ Name = 'Psnr'; Tolerance = @{ Psnr = 90; Ssim = 0.01 } }
        @{ Name = 'Ssim'; Tolerance = @{ Psnr = 1; Ssim = 0.99999 } }
    ) {
        $other | Should -Not -BeDiffusionImage golden.png @Tolerance
        Get-Failure { $other | Should -BeDiffusionImage golden.png @Tolerance } | Should -BeLike 'Expected the image to have a PSNR of * dB or more and an SSIM of 0.* or more against the golden image*'
    }

    It 'refuses the tolerance <Name>' -ForEach @(
        @{ Name = 'Ssim 2'; Tolerance = @{ Ssim = 2 } }
        @{ Name = 'Psnr -5'; Tolerance = @{ Psnr = -5 } }
        @{ Name = 'Psnr NaN'; Tolerance = @{ Psnr = [double]::NaN } }
    ) {
        Get-Failure { $image | Should -BeDiffusionImage $image @Tolerance } | Should -BeLike "$($Tolerance.Keys) is *, but must be*"
        Get-Failure { $image | Should -Not -BeDiffusionImage $image @Tolerance } | Should -BeLike "$($Tolerance.Keys) is *, but must be*"
    }

    It 'refuses what is no number: <Name>' -ForEach @(
        @{ Name = 'a word'; Tolerance = @{ Psnr = 'abc' } }
        @{ Name = 'several numbers'; Tolerance = @{ Psnr = 1, 2 } }
        @{ Name = 'a hashtable'; Tolerance = @{ Psnr = @{ a = 1 } } }
        @{ Name = 'a decimal comma'; Tolerance = @{ Ssim = '0,9' } }
    ) {
        Get-Failure { $image | Should -BeDiffusionImage $image @Tolerance } | Should -BeLike "$($Tolerance.Keys) is '*', but must be a number*"
    }

    It 'says that a folder is no image' {
        Get-Failure { $image | Should -BeDiffusionImage $folder } | Should -BeLike "*'$folder' is a folder.*"
        Get-Failure { $folder | Should -BeDiffusionImage $image } | Should -BeLike "'$folder' is a folder.*"
    }

    It 'shows nothing that a terminal would interpret' -Skip:$IsWindows {
        $name = "a`u{202e}b`u{200b}c`e[31m.png"
        $image | Export-DiffusionImage $name
        $message = Get-Failure { $other | Should -BeDiffusionImage $name -Because "it`e[31m" }
        $message | Should -Not -Match '[\p{Cf}\p{Cc}-[\r\n]]'
        $message -match '(?m)side by side: (.*)$' | Should -BeTrue
        Test-Path -LiteralPath $Matches[1].Trim() | Should -BeTrue
        Remove-Item -LiteralPath (Split-Path $Matches[1].Trim()) -Recurse
    }

    It 'fails for another size, and shows both' {
        $wide = New-DiffusionImage 'a red house' -Width 72 -Steps 1
        $message = Get-Failure { $wide | Should -BeDiffusionImage golden.png -Psnr 1 }
        $message | Should -BeLike '*but the sizes differ. The sizes differ: 64x64 and 72x64 pixels.*side by side: *'
        $wide | Should -Not -BeDiffusionImage golden.png -Psnr 1
    }

    It 'fails without a golden image, and says how to write it' {
        Get-Failure { $image | Should -BeDiffusionImage none.png } | Should -BeLike "There is no golden image '${folder}?none.png'. To write it*STABLEDIFFUSION_UPDATE_GOLDEN set to 1."
        Get-Failure { $image | Should -Not -BeDiffusionImage none.png } | Should -BeLike 'There is no golden image*'
        Test-Path none.png | Should -BeFalse
    }

    It 'writes a golden image that is missing, in the update mode' {
        $env:STABLEDIFFUSION_UPDATE_GOLDEN = '1'
        $other | Should -BeDiffusionImage new/other.png
        $other.Path | Should -BeNullOrEmpty
        $env:STABLEDIFFUSION_UPDATE_GOLDEN = $null
        $other | Should -BeDiffusionImage new/other.png
        (Get-DiffusionMetadata new/other.png).Steps | Should -Be 3
    }

    It 'replaces a golden image that fails, in the update mode, and no other' {
        $env:STABLEDIFFUSION_UPDATE_GOLDEN = 'true'
        $before = (Get-FileHash golden.png).Hash
        $other | Should -BeDiffusionImage golden.png -Psnr 1
        $other | Should -Not -BeDiffusionImage golden.png
        (Get-FileHash golden.png).Hash | Should -Be $before
        $other | Should -BeDiffusionImage golden.png
        (Get-DiffusionMetadata golden.png).Steps | Should -Be 3
    }

    It 'does not write while the variable is <_>' -ForEach '0', 'false', '' {
        $env:STABLEDIFFUSION_UPDATE_GOLDEN = $_
        { $image | Should -BeDiffusionImage none.png } | Should -Throw
        Test-Path none.png | Should -BeFalse
    }

    It 'does not write exact pixels to a file that cannot hold them' {
        $env:STABLEDIFFUSION_UPDATE_GOLDEN = '1'
        Get-Failure { $image | Should -BeDiffusionImage golden.jpg } | Should -BeLike '*golden.jpg* would not hold the exact pixels*'
        $image | Should -BeDiffusionImage golden.jpg -Psnr 30
        $image | Should -BeDiffusionImage golden.jpg -Psnr 30
    }

    It 'fails for <Name>, also with -Not' -ForEach @(
        @{ Name = 'nothing'; Value = { $null } }
        @{ Name = 'a number'; Value = { 5 } }
        @{ Name = 'a file that is missing'; Value = { 'none.png' } }
        @{ Name = 'a file that is no image'; Value = { 'text' | Set-Content text.png; 'text.png' } }
    ) {
        { & $Value | Should -BeDiffusionImage golden.png } | Should -Throw
        { & $Value | Should -Not -BeDiffusionImage golden.png } | Should -Throw
        { $image | Should -BeDiffusionImage (& $Value) } | Should -Throw
        { $image | Should -Not -BeDiffusionImage (& $Value) } | Should -Throw
    }
}

Describe 'Should -HaveDiffusionSetting' {
    It 'takes <Name>' -ForEach @(
        @{ Name = 'an image'; Get = { $image } }
        @{ Name = 'a path'; Get = { $image | Export-DiffusionImage "$TestDrive/a.png" -Force; "$TestDrive/a.png" } }
        @{ Name = 'a file'; Get = { $image | Export-DiffusionImage "$TestDrive/a.png" -Force; Get-Item "$TestDrive/a.png" } }
        @{ Name = 'metadata'; Get = { $image | Export-DiffusionImage "$TestDrive/a.png" -Force; Get-DiffusionMetadata "$TestDrive/a.png" } }
        @{ Name = 'a latent'; Get = { Get-TextEmbedding 'a red house' | Invoke-Denoise -Seed 1 -Steps 2 } }
    ) {
        $value = & $Get
        $value | Should -HaveDiffusionSetting @{ Steps = 2; Seed = 1; prompt = 'A red house'; NegativePrompt = $null; RandomSource = 'TorchCpu'; GuidanceRescale = 0; ClipSkip = '1' }
        $value | Should -Not -HaveDiffusionSetting @{ Steps = 2; Seed = 2 }
    }

    It 'fails with both values' {
        Get-Failure { $image | Should -HaveDiffusionSetting @{ Steps = 20 } -Because 'it was fast' } | Should -Be 'Expected the settings Steps, because it was fast, but these differ (expected, actual): Steps (20, 2).'
        Get-Failure { $image | Should -Not -HaveDiffusionSetting @{ Steps = 2 } } | Should -Be 'Expected other settings, but Steps has the given value.'
    }

    It 'fails for a setting that does not exist, also with -Not' {
        Get-Failure { $image | Should -HaveDiffusionSetting @{ Step = 2 } } | Should -BeLike "There is no setting 'Step'. Is it 'Steps'?"
        Get-Failure { $image | Should -Not -HaveDiffusionSetting @{ Step = 2 } } | Should -BeLike "There is no setting 'Step'.*"
    }

    It 'refuses a hashtable as a value' {
        Get-Failure { $image | Should -HaveDiffusionSetting @{ Steps = @{ a = 1 } } } | Should -BeLike "The expected value of the setting 'Steps' is a hashtable*"
    }

    It 'knows the other names of a setting' {
        $image | Should -HaveDiffusionSetting @{ CfgScale = $image.GuidanceScale; num_inference_steps = 2 }
    }

    It 'fails without settings' {
        { $image | Should -HaveDiffusionSetting } | Should -Throw
        { $image | Should -HaveDiffusionSetting @{ } } | Should -Throw
        { $image | Should -HaveDiffusionSetting 'Steps' } | Should -Throw
    }
}
